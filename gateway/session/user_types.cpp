#include "gateway/session/user_types.h"

#include <algorithm>
#include <array>

namespace dbgate::session {
namespace {

// Of no object that initdb makes (access/transam.h).
constexpr std::uint32_t first_user_oid = 16384;

// Left to the server, bool, bytea, name, int8, int2, int4, text, unknown, bpchar, varchar, date, timestamp,
// timestamptz, numeric, uuid (catalog/pg_type.dat): what is compared with them is of the same type, or converted
// without fail.
constexpr std::array<std::uint32_t, 16> plain_types{0,   16,   17,   19,   20,   21,   23,   25,
                                                    705, 1042, 1043, 1082, 1114, 1184, 1700, 2950};

}  // namespace

bool has_user_types(const std::vector<std::uint32_t>& types) {
  return std::any_of(types.begin(), types.end(), [](std::uint32_t type) { return type >= first_user_oid; });
}

bool has_odd_types(const std::vector<std::uint32_t>& types) {
  return std::any_of(types.begin(), types.end(), [](std::uint32_t type) {
    return std::find(plain_types.begin(), plain_types.end(), type) == plain_types.end();
  });
}

std::shared_ptr<const Analysis> with_declared_types(std::shared_ptr<const Analysis> analysis,
                                                    const std::vector<std::uint32_t>& types) {
  if (!has_odd_types(types)) return analysis;  // those that users made are odd as well
  auto same = std::make_shared<Analysis>(*analysis);
  same->read_by = 0;  // the text alone does not say this
  auto script = std::make_shared<sql::Script>(*analysis->script);
  for (sql::Statement& statement : script->statements) {
    statement.declares_user_types = has_user_types(types);
    statement.declares_odd_types = true;
  }
  same->script = std::move(script);
  return same;
}

}  // namespace dbgate::session
