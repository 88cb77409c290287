#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/trace_context.h"
#include "gateway/net/stream.h"

struct ssl_ctx_st;

namespace dbgate::session {

/// Name and value.
using StartupSetting = std::pair<std::string, std::string>;

/// What a client asked for when it connected.
struct StartupRequest {
  enum class Kind : std::uint8_t { session, cancel };
  Kind kind = Kind::session;
  // session
  std::uint16_t minor_version = 0;  ///< of protocol 3
  std::string user;
  std::string database;
  std::string application_name;
  bool replication = false;
  std::string replication_value;  ///< "true" or "database", as sent
  std::string target;             ///< dbgate.target: what a physical replication connection is for; may be empty
  /// Settings to be in force from the start, checked against the allow-list, in order.
  std::vector<StartupSetting> settings;
  /// Others, to be judged as SET would be once it is known who asks, in order.
  std::vector<StartupSetting> settings_to_judge;
  std::string reason;                        ///< dbgate.reason: for those who are asked to agree to statements
  TraceContext trace;                        ///< dbgate.traceparent
  bool refuses_holds = false;                ///< dbgate.hold=refuse
  bool wants_receipts = false;               ///< dbgate.receipts=on, which is among `settings` as well
  std::vector<std::string> unknown_options;  ///< _pq_.… that dbgate does not know
  // cancel
  std::int32_t pid = 0;
  std::string cancel_key;
};

/// Is told of what is wrong with connections.
class StartupWatch {
 public:
  virtual ~StartupWatch() = default;
  /// A client's handshake has failed. @param reason  of telemetry::tls_reasons
  virtual void note_tls_failure(std::string_view reason) = 0;
  /// What one of telemetry::protocol_faults says has happened.
  virtual void note_protocol_error(std::string_view side, std::string_view reason) = 0;
};

/// What a listener expects of the connections it takes.
struct StartupRules {
  std::shared_ptr<ssl_ctx_st> tls;  ///< null: TLS is not offered
  bool require_tls = false;
  StartupWatch* watch = nullptr;  ///< null: nobody wants to know
};

/// Reads from the first byte up to the startup packet: TLS by request or directly, GSSAPI declined, cancel requests.
/// Takes exactly one packet at a time from the socket, so that nothing sent in the clear can pass as sent in TLS.
/// Errors: what the client is told (FATAL) before the connection is closed; an empty message means that nothing is
/// said.
Task<Result<StartupRequest>> read_startup(net::Stream& client, const StartupRules& rules);

/// Checks one setting of a startup packet or of its `options` against the list of those that anybody may give. Errors:
/// 22023 or 42501 naming the setting.
Result<> check_setting(std::string_view name, std::string_view value);
/// Splits `options` the way the server does (whitespace, backslash escapes; -c name=value, --name=value).
Result<std::vector<std::pair<std::string, std::string>>> parse_options(std::string_view options);

}  // namespace dbgate::session
