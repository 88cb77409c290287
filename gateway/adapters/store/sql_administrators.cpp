#include "gateway/adapters/store/sql_parts.h"

// That somebody stays administrator.
namespace dbgate::adapters::store {
namespace {

Result<std::vector<std::string>> names(SqlTransaction& transaction, const char* sql, std::string_view value) {
  DBGATE_TRY(SqlResult result, transaction.run(sql, {value}));
  return read_all<std::string>(std::move(result), [](SqlRow& row) { return row.text(); });
}

Result<bool> any_administrator(SqlTransaction& transaction, const FileAdministrators& file) {
  const char* const holders = "SELECT subject FROM roles WHERE role = 'admin' AND subject_kind = $1";
  std::set<std::string> users = file.users;
  DBGATE_TRY(const auto direct, names(transaction, holders, "user"));
  users.insert(direct.begin(), direct.end());
  std::set<std::string> groups = file.groups;
  DBGATE_TRY(const auto by_group, names(transaction, holders, "group"));
  groups.insert(by_group.begin(), by_group.end());
  for (const std::string& group : groups) {
    if (const auto found = file.members.find(group); found != file.members.end())
      users.insert(found->second.begin(), found->second.end());
    DBGATE_TRY(const auto members,
               names(transaction, "SELECT user_name FROM memberships WHERE group_name = $1", group));
    users.insert(members.begin(), members.end());
  }
  for (const std::string& user : users) {
    if (file.active.contains(user)) return true;
    DBGATE_TRY(const auto active,
               names(transaction, "SELECT name FROM users WHERE name = $1 AND state = 'active'", user));
    if (!active.empty()) return true;
  }
  return false;
}

}  // namespace

Result<> SqlUsers::keeping_administrator(SqlTransaction& transaction, const std::function<Result<>()>& change) const {
  if (!by_file_) return change();
  const FileAdministrators file = by_file_();
  DBGATE_TRY(const bool before, any_administrator(transaction, file));
  DBGATE_CHECK(change());
  if (!before) return done;
  DBGATE_TRY(const bool after, any_administrator(transaction, file));
  if (after) return done;
  return Error(sqlstate::object_not_in_prerequisite_state, "nobody would be administrator any more",
               "make somebody else administrator first");
}

}  // namespace dbgate::adapters::store
