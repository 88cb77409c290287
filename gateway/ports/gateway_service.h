#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/task.h"

namespace dbgate::ports {

/// A target as its users see it.
struct TargetSummary {
  std::string name;
  std::string engine;
  std::vector<std::string> databases;  ///< the default one first
  std::string access;                  ///< read or write
};

/// What would happen to a text; nothing runs.
struct DecisionSummary {
  std::string effect;  ///< allow, log_only, deny, or error: the text cannot be judged because it is no valid statement
  std::string rule;
  std::vector<std::string> reasons;
  std::string operation;  ///< command tags
  std::string sqlstate;   ///< what the client would get; empty if allowed
  std::string message;
  std::string hint;
  int position = 0;  ///< 1-based character; 0: none
};

/// What the API offers of the gateway behind it. Used from the API's thread; nothing blocks it.
class GatewayService {
 public:
  virtual ~GatewayService() = default;

  /// Checks a password, away from the event loop. Errors: 28P01, the same for unknown users; 28000 if the address has
  /// failed too often. Both outcomes are recorded.
  virtual Task<Result<>> check_password(std::string user, std::string password, std::string address) = 0;
  /// Whether the user exists still.
  virtual bool knows(std::string_view user) const = 0;
  virtual std::vector<std::string> groups(std::string_view user) const = 0;
  virtual std::vector<TargetSummary> targets(std::string_view user) const = 0;
  /// Errors: 3D000 if there is no such target for the user.
  virtual Task<Result<DecisionSummary>> decide(std::string user, std::string target, std::string text) = 0;
  /// Serves a connection that came through a tunnel. Takes the descriptor over, a connected stream socket.
  /// @param database target, or target/database
  /// Errors: 3D000 if there is no such target for the user; the descriptor is closed.
  virtual Result<> serve_tunnel(std::string user, std::string database, std::string address, int descriptor) = 0;
};

}  // namespace dbgate::ports
