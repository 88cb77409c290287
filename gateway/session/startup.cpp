#include "gateway/session/startup.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "protocol/postgres/startup_packets.h"

namespace dbgate::session {
namespace {

namespace frontend = protocol::frontend;

constexpr std::size_t length_word_bytes = 4;
constexpr std::byte tls_client_hello{0x16};
constexpr std::string_view alpn_postgresql = "postgresql";

Error refused(std::string message) {
  return {sqlstate::protocol_violation, std::move(message)};
}
// Whoever speaks another protocol gets no answer.
Error silent() {
  return {sqlstate::protocol_violation, ""};
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return result;
}

// Without its length word.
Task<Result<std::string>> read_packet(net::Stream& client, StartupWatch* watch) {
  const auto head = co_await client.read_exactly(length_word_bytes);
  if (!head) co_return silent();
  const auto length = frontend::decode_startup_length(protocol::as_bytes(*head));
  if (!length) {
    if (watch != nullptr) watch->note_protocol_error("client", "startup");
    co_return silent();
  }
  auto packet = co_await client.read_exactly(*length);
  if (!packet) co_return silent();
  co_return packet;
}

Task<Result<>> start_tls(net::Stream& client, const StartupRules& rules, bool direct) {
  std::string_view why;
  const auto secured = co_await client.accept_tls(rules.tls.get(), &why);
  if (!secured && rules.watch != nullptr) rules.watch->note_tls_failure(why);
  if (!secured) co_return silent();
  // Direct TLS without ALPN could be another protocol's bytes replayed to us (PostgreSQL docs ch. 55.2.11).
  if (direct && client.alpn() != alpn_postgresql) co_return silent();
  co_return boost::system::in_place_value;
}

// RESET and SHOW are answered by the server: it hears of this one.
Result<> take_receipts(StartupRequest& request, std::string name, std::string_view value) {
  if (value != "on" && value != "off")
    return Error(sqlstate::invalid_parameter_value, "dbgate.receipts must be on or off");
  request.wants_receipts = value == "on";
  request.settings.emplace_back(std::move(name), value);
  return boost::system::in_place_value;
}

// Settings of dbgate's own, which no server hears of.
Result<> take_own(StartupRequest& request, const std::string& name, std::string_view value) {
  if (name == "dbgate.reason") {
    constexpr std::size_t most = 500;
    if (value.size() > most) return Error(sqlstate::invalid_parameter_value, "dbgate.reason is longer than 500 bytes");
    request.reason = value;
    return boost::system::in_place_value;
  }
  if (name == "dbgate.traceparent") {
    request.trace = parse_traceparent(value);
    if (!request.trace.trace_id.empty()) return boost::system::in_place_value;
    return Error(sqlstate::invalid_parameter_value, "dbgate.traceparent must be a traceparent of W3C Trace Context",
                 "It looks like 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.");
  }
  if (name == "dbgate.target") {
    request.target = value;
    return boost::system::in_place_value;
  }
  if (value != "wait" && value != "refuse") {
    return Error(sqlstate::invalid_parameter_value, "dbgate.hold must be wait or refuse");
  }
  request.refuses_holds = value == "refuse";
  return boost::system::in_place_value;
}

// Not settings but what the packet says of the session itself, however it is written here: the server that is told
// takes another database, command line or protocol for the one that was judged.
bool is_of_the_packet(std::string_view name) {
  return name == "user" || name == "database" || name == "options" || name == "replication" ||
         name.starts_with("_pq_.");
}

// Whether policies may let somebody give it: what SET could do as well, and nothing of dbgate's own.
bool is_for_policies(std::string_view name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
  return plain && !is_of_the_packet(name) && name != "role" && name != "session_authorization" &&
         !name.starts_with("dbgate.") && !name.ends_with("_preload_libraries") && name != "client_encoding" &&
         name != "standard_conforming_strings";
}

// Parameters and `options` are two ways to say the same. The name that a client gives itself is kept apart: the server
// is told who the principal is in its place.
Result<> take_setting(StartupRequest& request, std::string_view name, std::string_view value) {
  if (equal_ignoring_case(name, "dbgate.hold") || equal_ignoring_case(name, "dbgate.reason") ||
      equal_ignoring_case(name, "dbgate.target") || equal_ignoring_case(name, "dbgate.traceparent")) {
    return take_own(request, lower(name), value);
  }
  if (equal_ignoring_case(name, "dbgate.receipts")) return take_receipts(request, lower(name), value);
  const auto checked = check_setting(name, value);
  if (!checked && is_for_policies(lower(name))) {
    request.settings_to_judge.emplace_back(lower(name), value);
    return boost::system::in_place_value;
  }
  if (!checked) return checked.error();
  if (equal_ignoring_case(name, "application_name")) {
    request.application_name = value;
  } else {
    request.settings.emplace_back(lower(name), value);
  }
  return boost::system::in_place_value;
}

// A parameter of the packet has the last word, so an encoding in `options` is nothing to insist on beside one.
Result<> take_options(StartupRequest& request, std::string_view value, bool encoding_said) {
  DBGATE_TRY(const auto options, parse_options(value));
  for (const auto& [option, setting] : options) {
    if (encoding_said && option == "client_encoding") continue;
    const auto taken = take_setting(request, option, setting);
    if (!taken) return taken.error();
  }
  return boost::system::in_place_value;
}

Result<> take_parameter(StartupRequest& request, const frontend::StartupParameter& parameter) {
  const auto& [name, value] = parameter;
  if (name == "user") {
    request.user = value;
  } else if (name == "database") {
    request.database = value;
  } else if (name == "replication") {
    const bool off = equal_ignoring_case(value, "false") || equal_ignoring_case(value, "off") ||
                     equal_ignoring_case(value, "no") || value == "0";
    request.replication = !off;
    if (request.replication) request.replication_value = equal_ignoring_case(value, "database") ? "database" : "true";
  } else if (parameter.is_protocol_option()) {
    request.unknown_options.emplace_back(name);
  } else {
    return take_setting(request, name, value);
  }
  return boost::system::in_place_value;
}

Result<StartupRequest> take_startup(protocol::Bytes packet) {
  const auto message = frontend::StartupMessage::decode(packet);
  if (!message && message.error() == protocol::DecodeError::duplicate_parameter) {
    const std::string name = lower(frontend::duplicate_parameter_of(packet));
    return refused("startup parameter \"" + name + "\" is given twice");
  }
  if (!message) return refused("invalid startup packet layout: expected terminator as last byte");
  StartupRequest request;
  request.minor_version = message->minor_version();
  // The server takes `options` first, wherever they stand (PostgreSQL, process_startup_options()).
  bool encoding_said = false;
  for (const frontend::StartupParameter parameter : message->parameters)
    encoding_said = encoding_said || equal_ignoring_case(parameter.name, "client_encoding");
  for (const frontend::StartupParameter parameter : message->parameters) {
    if (parameter.name != "options") continue;
    const auto taken = take_options(request, parameter.value, encoding_said);
    if (!taken) return taken.error();
  }
  for (const frontend::StartupParameter parameter : message->parameters) {
    if (parameter.name == "options") continue;
    const auto taken = take_parameter(request, parameter);
    if (!taken) return taken.error();
  }
  if (request.user.empty()) {
    return Error(sqlstate::invalid_authorization_specification, "no PostgreSQL user name specified in startup packet");
  }
  if (request.database.empty()) request.database = request.user;
  const bool physical = request.replication && request.replication_value == "true";
  if (!request.target.empty() && !physical) {
    return Error(sqlstate::invalid_parameter_value, "dbgate.target is for physical replication connections",
                 "Name the target as the database of the connection.");
  }
  return request;
}

}  // namespace

Result<> check_setting(std::string_view name, std::string_view value) {
  // Harmless to the meaning of statements and to other sessions; clients send them when they connect.
  static constexpr std::array<std::string_view, 16> harmless = {"application_name",
                                                                "datestyle",
                                                                "timezone",
                                                                "intervalstyle",
                                                                "extra_float_digits",
                                                                "bytea_output",
                                                                "client_min_messages",
                                                                "statement_timeout",
                                                                "lock_timeout",
                                                                "idle_in_transaction_session_timeout",
                                                                "geqo",
                                                                "jit",
                                                                "tcp_user_timeout",
                                                                "xmloption",
                                                                "lc_messages",
                                                                "default_transaction_isolation"};
  const std::string folded = lower(name);
  if (folded == "client_encoding") {
    std::string plain;
    for (const char c : lower(value)) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0) plain += c;
    }
    if (plain == "utf8" || plain == "unicode") return boost::system::in_place_value;
    return Error(sqlstate::invalid_parameter_value, "client_encoding must be UTF8 through dbgate",
                 "set PGCLIENTENCODING=UTF8, or leave it unset in a UTF-8 locale");
  }
  if (folded == "standard_conforming_strings" && equal_ignoring_case(value, "on")) {
    return boost::system::in_place_value;
  }
  if (std::find(harmless.begin(), harmless.end(), folded) != harmless.end()) return boost::system::in_place_value;
  return Error(sqlstate::insufficient_privilege, "setting \"" + folded + "\" may not be given when connecting",
               "use SET after connecting if your policy allows it");
}

Result<std::vector<std::pair<std::string, std::string>>> parse_options(std::string_view options) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  for (std::size_t i = 0; i < options.size(); ++i) {
    const char c = options[i];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
      continue;
    }
    inside = true;
    if (c == '\\' && i + 1 < options.size()) {
      word += options[++i];
    } else {
      word += c;
    }
  }
  if (inside) words.push_back(std::move(word));

  std::vector<std::pair<std::string, std::string>> settings;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string assignment;
    if (words[i] == "-c" && i + 1 < words.size()) {
      assignment = words[++i];
    } else if (words[i].starts_with("-c")) {
      assignment = words[i].substr(2);
    } else if (words[i].starts_with("--")) {
      assignment = words[i].substr(2);
    } else {
      return Error(sqlstate::invalid_parameter_value, "invalid command-line argument for server process");
    }
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
      return Error(sqlstate::invalid_parameter_value, "options: \"" + assignment + "\" needs a value");
    }
    std::string name = lower(assignment.substr(0, equals));
    std::replace(name.begin(), name.end(), '-', '_');
    settings.emplace_back(std::move(name), assignment.substr(equals + 1));
  }
  return settings;
}

Task<Result<StartupRequest>> read_startup(net::Stream& client, const StartupRules& rules) {
  std::array<std::byte, 1> first{};
  const auto seen = co_await client.peek(first);
  if (!seen || *seen == 0) co_return silent();
  if (first[0] == tls_client_hello) {
    if (rules.tls == nullptr) co_return silent();
    const auto secured = co_await start_tls(client, rules, true);
    if (!secured) co_return secured.error();
  }
  bool asked_tls = client.secured();
  bool asked_gss = false;
  for (;;) {
    const auto packet = co_await read_packet(client, rules.watch);
    if (!packet) co_return packet.error();
    const protocol::Bytes body = protocol::as_bytes(*packet);
    const std::uint32_t code = *frontend::decode_startup_code(body);
    if (frontend::SSLRequest::decode(body)) {
      if (asked_tls || client.secured()) co_return refused("a second request for TLS");
      asked_tls = true;
      const std::string_view answer = rules.tls != nullptr ? "S" : "N";
      const auto sent = co_await client.write_all(protocol::as_bytes(answer));
      if (!sent) co_return silent();
      if (rules.tls == nullptr) continue;
      const auto secured = co_await start_tls(client, rules, false);
      if (!secured) co_return secured.error();
      continue;
    }
    if (frontend::GSSENCRequest::decode(body)) {
      if (asked_gss || client.secured()) co_return refused("an unexpected request for GSSAPI encryption");
      asked_gss = true;
      const auto sent = co_await client.write_all(protocol::as_bytes("N"));
      if (!sent) co_return silent();
      continue;
    }
    if (code == frontend::CancelRequest::code) {
      const auto cancel = frontend::CancelRequest::decode(body);
      if (!cancel) co_return silent();
      StartupRequest request;
      request.kind = StartupRequest::Kind::cancel;
      request.pid = cancel->process_id;
      request.cancel_key = protocol::as_text(cancel->secret_key);
      co_return request;
    }
    if (code >> 16 != 3) {
      co_return Error(sqlstate::feature_not_supported, "unsupported frontend protocol " + std::to_string(code >> 16) +
                                                           "." + std::to_string(code & 0xffff) +
                                                           ": server supports 3.0 to 3.2");
    }
    if (rules.require_tls && !client.secured()) {
      co_return Error(sqlstate::invalid_authorization_specification, "this listener takes TLS connections only",
                      "connect with sslmode=require or stronger");
    }
    co_return take_startup(body);
  }
}

}  // namespace dbgate::session
