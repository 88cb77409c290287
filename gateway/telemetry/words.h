#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

// The values that labels may have. All of them are closed sets: nothing that a client sends becomes one.
namespace dbgate::telemetry {

enum class StatementKind : std::uint8_t {
  select,
  insert,
  update,
  delete_,
  ddl,
  dcl,
  copy,
  tx,
  set,
  call,
  other,
  count_
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(StatementKind::count_)> statement_kinds = {
    "select", "insert", "update", "delete", "ddl", "dcl", "copy", "tx", "set", "call", "other"};

enum class Effect : std::uint8_t { allow, deny, hold, mask, log_only, count_ };
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Effect::count_)> effects = {
    "allow", "deny", "hold", "mask", "log_only"};

/// Where the rule stands that has decided: in which part of a policy, or in none.
enum class RuleClass : std::uint8_t { allow, deny, mask, risk, limit, approve, builtin, none, count_ };
inline constexpr std::array<std::string_view, static_cast<std::size_t>(RuleClass::count_)> rule_classes = {
    "allow", "deny", "mask", "risk", "limit", "approve", "builtin", "none"};
/// @param rule  as records name it: "analysts-read/allow[0]", "default", "builtin/syntax"
RuleClass rule_class(std::string_view rule) noexcept;

enum class Protocol : std::uint8_t { simple, extended, count_ };
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Protocol::count_)> protocols = {"simple",
                                                                                                       "extended"};

/// How a client's attempt to connect ended.
enum class Arrival : std::uint8_t { ok, auth_failed, tls_failed, limit, refused, count_ };
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Arrival::count_)> arrivals = {
    "ok", "auth_failed", "tls_failed", "limit", "refused"};

enum class AuthMethod : std::uint8_t { scram, token, certificate, other, count_ };
inline constexpr std::array<std::string_view, static_cast<std::size_t>(AuthMethod::count_)> auth_methods = {
    "scram", "token", "certificate", "other"};
AuthMethod auth_method(std::string_view name) noexcept;

enum class Outcome : std::uint8_t { ok, error, count_ };
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Outcome::count_)> outcomes = {"ok", "error"};

/// Whose limit a statement was refused for.
enum class LimitScope : std::uint8_t { user, target, count_ };
inline constexpr std::array<std::string_view, static_cast<std::size_t>(LimitScope::count_)> limit_scopes = {"user",
                                                                                                            "target"};

/// What is out of step with its protocol: the side, and when.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 3> protocol_faults = {
    {{"client", "startup"}, {"client", "message"}, {"upstream", "message"}}};

/// Why a client's TLS handshake fails: it says that it does not want to go on (`alert`: it may not trust the
/// certificate), it has gone, its own certificate is not accepted, or it does not speak TLS as it has to be spoken
/// here.
inline constexpr std::array<std::string_view, 4> tls_reasons = {"alert", "certificate", "closed", "protocol"};

/// Why a session is bound to its server connection; in the order of session::Pin.
inline constexpr std::array<std::string_view, 8> pin_reasons = {
    "temporary_object", "advisory_lock", "cursor_with_hold", "prepare", "load", "role", "settings", "dblink"};

/// Classes of SQLSTATE (PostgreSQL docs, appendix A). The last one stands for all that are not among them.
inline constexpr std::array<std::string_view, 44> sqlstate_classes = {
    "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "21", "22",   "23",
    "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F",   "40",
    "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX", "00", "other"};
/// Index of the class of a SQLSTATE. Only for errors: it looks through all of them.
std::size_t sqlstate_class(std::string_view sqlstate) noexcept;

}  // namespace dbgate::telemetry
