#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/open_connection.h"
#include "gateway/base/task.h"

namespace dbgate::ports {

/// A target as its users see it.
struct TargetSummary {
  std::string name;
  std::string engine;
  std::string engine_version;          ///< of the server, such as "15.4"; empty: not known (yet)
  std::vector<std::string> databases;  ///< the default one first
  std::string access;                  ///< read, write or none
  std::string environment;             ///< empty: not said
  std::map<std::string, std::string> labels;
};

/// What a statement does with one relation, as it was written.
struct RelationSummary {
  std::string name;
  std::vector<std::string> effects;
  std::vector<std::string> reads;   ///< columns; "*": all
  std::vector<std::string> writes;  ///< columns; "*": all
};

/// What asks for an approval, and of whom.
struct HoldSummary {
  std::string rule;
  std::vector<std::string> groups;
  std::vector<std::string> users;
  std::size_t needed = 1;  ///< so many of them
};

/// A rule of risk that speaks up (docs/risk.md).
struct RiskRuleSummary {
  std::string id;
  std::string level;  ///< low, medium, high, critical
  std::string title;
  std::string about;  ///< the relation, column, function or setting; empty: the statement as a whole
  std::string why;
  std::string remedy;
};

/// How a text is rated, whether policies allow it or not.
struct RiskSummary {
  std::string level;  ///< info, low, medium, high, critical
  unsigned score = 0;
  std::vector<RiskRuleSummary> rules;  ///< the worst first
};

/// What would happen to a text; nothing runs.
struct DecisionSummary {
  std::string
      effect;  ///< allow, log_only, hold, deny, or error: the text cannot be judged because it is no valid statement
  std::string rule;
  std::vector<std::string> reasons;
  std::string operation;  ///< command tags
  std::string sqlstate;   ///< what the client would get; empty if allowed
  std::string message;
  std::string hint;
  std::string suggestion;  ///< the nearest statement that passes, where there is one
  int position = 0;        ///< 1-based character; 0: none
  std::vector<RelationSummary> relations;
  std::vector<std::string> functions;  ///< operators left out
  std::vector<HoldSummary> holds;      ///< of the effect hold: each has to be agreed to
  RiskSummary risk;
};

/// Who asks about what.
struct DecisionQuestion {
  std::string user;
  std::string principal;  ///< whose rights decide; empty: the user's own
  std::string target;     ///< or target/database
  std::vector<std::string> texts;
};

/// A session that is there.
struct SessionSummary {
  std::string id;  ///< ses_…
  std::string user;
  std::string target;
  std::string database;  ///< on the server
  std::string client_address;
  std::uint16_t client_port = 0;
  std::string application;
  std::string auth_method;
  std::string credential;               ///< that it has signed in with; empty: the password of the configuration file
  std::int64_t credential_expires = 0;  ///< seconds since 1970 UTC: no sessions after that; 0: never
  std::int64_t started_us = 0;          ///< since 1970 UTC: when it connected
  std::string state;                    ///< idle, active, idle in transaction, waiting
  std::string bound_by;                 ///< what binds it to its server connection, comma-separated; empty: nothing
  std::uint64_t statements = 0;         ///< that were decided on
  std::uint64_t bytes_from_client = 0;
  std::uint64_t bytes_to_client = 0;
  std::int64_t statement_started_us = 0;  ///< of the one that runs, since 1970 UTC; 0: none does
};

/// Who wants to be led where through a tunnel.
struct TunnelRequest {
  std::string user;
  std::string credential;               ///< of the login; the session ends with it
  std::int64_t credential_expires = 0;  ///< seconds since 1970 UTC
  std::string certificate;              ///< the name by which a certificate stands for the user; empty without
  std::string database;                 ///< target, or target/database
  std::string address;
};

/// What the API offers of the gateway behind it. Used from the API's thread; nothing blocks it.
class GatewayService {
 public:
  virtual ~GatewayService() = default;

  virtual std::vector<TargetSummary> targets(std::string_view user) const = 0;
  /// All there are, those too that the user may not use.
  virtual std::vector<TargetSummary> all_targets(std::string_view user) const = 0;
  /// One summary for each text. Errors: 3D000 if there is no such target for the user, or for the principal; 42501 if
  /// the user asks for somebody else without being allowed everything on the target.
  virtual Task<Result<std::vector<DecisionSummary>>> decide(DecisionQuestion question) = 0;
  /// Serves a connection that came through a tunnel. Errors: 3D000 if there is no such target for the user; the
  /// connection is closed.
  virtual Result<> serve_tunnel(TunnelRequest request, OpenConnection connection) = 0;
  /// All sessions of all workers of all gateways on the store, those that sleep included, in no order. Each worker
  /// gives what is true when it is asked; gateways that do not answer within a second are left out.
  virtual Task<std::vector<SessionSummary>> sessions() = 0;
  /// Ends a session at once: its client is told by whom and why, what it runs is cancelled. Recorded before.
  /// Errors: 42704 there is no such session; 58030 the audit log cannot take it, and the session goes on.
  virtual Task<Result<>> end_session(std::string id, std::string by, std::string reason) = 0;
};

}  // namespace dbgate::ports
