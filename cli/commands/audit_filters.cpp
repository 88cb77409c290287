#include "cli/commands/audit_filters.h"

#include <unistd.h>

#include <array>

#include "cli/problem.h"

namespace dbgate::cli {
namespace {

/// A flag that filters, what the API calls it, and what it is of a record.
struct FilterFlag {
  const char* flag;
  const char* parameter;
  ports::AuditField field;
};
constexpr std::array<FilterFlag, 13> filter_flags{{{"user", "user", ports::AuditField::user},
                                                   {"target", "target", ports::AuditField::target},
                                                   {"session", "session", ports::AuditField::session},
                                                   {"address", "address", ports::AuditField::address},
                                                   {"event", "event", ports::AuditField::event},
                                                   {"effect", "effect", ports::AuditField::effect},
                                                   {"rule", "rule", ports::AuditField::rule},
                                                   {"object", "object", ports::AuditField::object},
                                                   {"operation", "operation", ports::AuditField::operation},
                                                   {"outcome", "outcome", ports::AuditField::outcome},
                                                   {"sqlstate", "sqlstate", ports::AuditField::sqlstate},
                                                   {"query", "query_id", ports::AuditField::query},
                                                   {"id", "id", ports::AuditField::id}}};

}  // namespace

std::vector<Flag> audit_filter_flags() {
  return {
      option("--user", Kind::user, "USER", "of this user"),
      option("--target", Kind::target, "TARGET", "on this target"),
      option("--session", Kind::text, "ID", "in this session: ses_…"),
      option("--address", Kind::text, "ADDRESS", "of clients at this address"),
      option("--event", Kind::text, "EVENT", "of this kind, such as statement.decided"),
      choice("--effect", "EFFECT", "allow deny mask log_only", "decided so"),
      option("--rule", Kind::text, "RULE", "decided by this rule"),
      option("--object", Kind::text, "NAME", "about this relation"),
      option("--operation", Kind::text, "TAG", "with this command tag, such as DELETE"),
      option("--outcome", Kind::text, "OUTCOME", "ended so: ok, error, not_run"),
      option("--sqlstate", Kind::text, "SQLSTATE", "ended with this SQLSTATE"),
      option("--query", Kind::text, "ID", "of this statement: qry_…"),
      option("--id", Kind::text, "ID", "this record: aud_…"),
      option("--text", Kind::text, "TEXT", "with this in the statement"),
      option("--since", Kind::text, "TIME", "from this time on (RFC 3339, UTC)"),
      option("--until", Kind::text, "TIME", "before this time"),
  };
}

Wanted wanted_of(const Call& call) {
  Query query{{"text", call.text("text")}};
  ports::AuditFilter filter{{}, call.text("text"), {}, {}};
  for (const FilterFlag& one : filter_flags) {
    const std::string value = call.text(one.flag);
    if (value.empty()) continue;
    query[one.parameter] = value;
    filter.is.emplace_back(one.field, value);
  }
  return {call.text("DIRECTORY"), std::move(query), call.text("since"), call.text("until"), search::Matcher(filter)};
}

bool matches(const std::string& line, const Wanted& wanted) {
  search::Record record;
  return search::read_record(line, record) && wanted.matcher.matches(record) &&
         (wanted.since.empty() || record.time >= wanted.since) && (wanted.until.empty() || record.time < wanted.until);
}

void require_directory(const std::string& directory) {
  if (::access(directory.c_str(), R_OK | X_OK) == 0) return;
  throw Problem{Exit::not_found, "cannot read the audit log in " + directory,
                "name the directory audit/ in the gateway's state_dir"};
}

}  // namespace dbgate::cli
