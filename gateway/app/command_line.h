#pragma once
#include <iosfwd>
#include <optional>
#include <string>

#include "gateway/app/admin_client.h"
#include "gateway/app/check_config.h"
#include "gateway/app/create_admin.h"
#include "gateway/app/model_check.h"
#include "gateway/app/probe.h"
#include "gateway/app/replay_risk.h"

namespace dbgate::app {

constexpr int usage_error = 2;

/// What `dbgate-gateway` is asked to do.
struct CommandLine {
  enum class Command : std::uint8_t {
    serve,
    check_config,
    print_config,
    print_schema,
    healthcheck,
    wait,
    admin,
    scram_verifier,
    rotate_keys,
    create_admin,
    risk_rules,
    model_check,
    replay_risk,
    manual
  };

  Command command = Command::serve;
  std::optional<int> ended;  ///< everything is said: the exit status
  std::string config_path = "/etc/dbgate/gateway.yaml";
  ConfigCheck config_check;
  Probe probe;
  AdminQuestion admin;
  bool watch_files = false;
  std::string administrator;
  ModelCheck models;
  std::string records = "-";
};

/// Reads the arguments; help, version and mistakes are printed.
CommandLine read_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& errors);

}  // namespace dbgate::app
