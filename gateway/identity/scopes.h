#pragma once
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::identity {

/// What a key may be good for. A login is good for everything its user may do; a key for what it names, and never for
/// more than its user.
inline constexpr std::array<std::string_view, 6> known_scopes = {
    "read",     // look: targets, decisions, history, schemas, sessions
    "query",    // run statements through the API
    "connect",  // enter databases: by the wire protocol, and through tunnels
    "approve",  // decide on what others ask for
    "account",  // the user's own password, second factor, logins, tokens and database passwords
    "admin"     // what the user's roles allow
};

inline bool is_scope(std::string_view name) {
  return std::find(known_scopes.begin(), known_scopes.end(), name) != known_scopes.end();
}

}  // namespace dbgate::identity
