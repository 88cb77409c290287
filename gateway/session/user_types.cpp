#include "gateway/session/user_types.h"

#include <algorithm>

namespace dbgate::session {
namespace {

// Of no object that initdb makes (access/transam.h).
constexpr std::uint32_t first_user_oid = 16384;

}  // namespace

bool has_user_types(const std::vector<std::uint32_t>& types) {
  return std::any_of(types.begin(), types.end(), [](std::uint32_t type) { return type >= first_user_oid; });
}

std::shared_ptr<const Analysis> with_user_types(const Analysis& analysis) {
  auto same = std::make_shared<Analysis>(analysis);
  same->read_by = 0;  // the text alone does not say this
  auto script = std::make_shared<sql::Script>(*analysis.script);
  for (sql::Statement& statement : script->statements)
    statement.declares_user_types = true;
  same->script = std::move(script);
  return same;
}

}  // namespace dbgate::session
