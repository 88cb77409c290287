#pragma once
#include <cstdint>
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

/// What a statement does with one relation, as it was written.
struct RelationSummary {
  std::string name;
  std::vector<std::string> effects;
  std::vector<std::string> reads;   ///< columns; "*": all
  std::vector<std::string> writes;  ///< columns; "*": all
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
  std::string suggestion;  ///< the nearest statement that passes, where there is one
  int position = 0;        ///< 1-based character; 0: none
  std::vector<RelationSummary> relations;
  std::vector<std::string> functions;  ///< operators left out
};

/// Who asks about what.
struct DecisionQuestion {
  std::string user;
  std::string principal;  ///< whose rights decide; empty: the user's own
  std::string target;     ///< or target/database
  std::vector<std::string> texts;
};

/// Who wants to be led where through a tunnel.
struct TunnelRequest {
  std::string user;
  std::string credential;               ///< of the login; the session ends with it
  std::int64_t credential_expires = 0;  ///< seconds since 1970 UTC
  std::string database;                 ///< target, or target/database
  std::string address;
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
  /// One summary for each text. Errors: 3D000 if there is no such target for the user, or for the principal; 42501 if
  /// the user asks for somebody else without being allowed everything on the target.
  virtual Task<Result<std::vector<DecisionSummary>>> decide(DecisionQuestion question) = 0;
  /// Serves a connection that came through a tunnel. Takes the descriptor over, a connected stream socket.
  /// Errors: 3D000 if there is no such target for the user; the descriptor is closed.
  virtual Result<> serve_tunnel(TunnelRequest request, int descriptor) = 0;
};

}  // namespace dbgate::ports
