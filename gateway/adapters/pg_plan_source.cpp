#include "gateway/adapters/pg_plan_source.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "gateway/adapters/pg_connection.h"

namespace dbgate::adapters {
namespace {

namespace json = boost::json;

constexpr PgPurpose purpose{"approvals", "dbgate plan"};
constexpr std::size_t most_bytes = 64u << 10;
// Planning takes locks that readers take. Whoever holds one against them delays the question by no more.
constexpr const char* lock_timeout = "200ms";
const std::string statement = "dbgate_plan";

// The connection has its own of these.
bool belongs_to_connections(std::string_view setting) {
  constexpr std::array<std::string_view, 3> own = {"application_name", "client_encoding", "replication"};
  return std::find(own.begin(), own.end(), setting) != own.end();
}

Result<> begin(PgConnection& connection, const ports::PlanRequest& request) {
  std::string sql = "BEGIN READ ONLY; SET LOCAL statement_timeout = " + std::to_string(request.timeout.count()) +
                    "; SET LOCAL lock_timeout = '" + lock_timeout + "'; SET LOCAL plan_cache_mode = force_generic_plan";
  for (const auto& [name, value] : request.settings) {
    if (belongs_to_connections(name)) continue;
    DBGATE_TRY(const std::string setting, connection.literal(name));
    DBGATE_TRY(const std::string set_to, connection.literal(value));
    sql += "; SELECT pg_catalog.set_config(" + setting + ", " + set_to + ", true)";
  }
  return connection.execute(sql);
}

std::string explain_with(const char* format, int parameters) {
  std::string sql = std::string("EXPLAIN (FORMAT ") + format + ") EXECUTE " + statement;
  for (int i = 0; i < parameters; ++i)
    sql += i == 0 ? "(NULL" : ", NULL";
  return sql + (parameters > 0 ? ")" : "");
}

const json::object* object_at(const json::value* value) {
  return value != nullptr ? value->if_object() : nullptr;
}

double number_at(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

// A node that changes rows is estimated to return none, or those of RETURNING: what it changes comes from below.
double rows_of(const json::object& node) {
  const json::value* const type = node.if_contains("Node Type");
  const json::value* const below = node.if_contains("Plans");
  const bool changes = type != nullptr && type->is_string() && type->get_string() == "ModifyTable";
  if (!changes || below == nullptr || !below->is_array()) return number_at(node, "Plan Rows");
  double rows = 0;
  for (const json::value& plan : below->get_array()) {
    const json::object* const inner = object_at(&plan);
    const json::value* const relation = inner != nullptr ? inner->if_contains("Parent Relationship") : nullptr;
    const bool aside = relation != nullptr && relation->is_string() &&
                       (relation->get_string() == "InitPlan" || relation->get_string() == "SubPlan");
    if (inner != nullptr && !aside) rows += number_at(*inner, "Plan Rows");
  }
  return rows;
}

class PgPlanSource final : public ports::PlanSource {
 public:
  Result<ports::Plan> explain(const ports::PlanRequest& request) override {
    const PgBounds bounds{std::chrono::steady_clock::now() + request.timeout, {}};
    DBGATE_TRY(PgConnection connection, PgConnection::open(request.server, request.database, bounds, purpose));
    DBGATE_CHECK(begin(connection, request));
    DBGATE_TRY(const int parameters, connection.prepare(statement, request.text));
    ports::Plan plan;
    std::string json;
    std::size_t bytes = 0;
    const auto add_line = [&](std::string_view line) {
      bytes += line.size();
      if (bytes <= most_bytes) plan.lines.emplace_back(line);
    };
    DBGATE_CHECK(
        connection.all_text(explain_with("JSON", parameters), [&json](std::string_view part) { json += part; }));
    DBGATE_CHECK(connection.all_text(explain_with("TEXT", parameters), add_line));
    DBGATE_CHECK(connection.execute("ROLLBACK"));
    if (bytes > most_bytes) plan.lines.emplace_back("…");
    DBGATE_TRY(plan.rows, rows_of_plan(json));
    return plan;
  }
};

}  // namespace

Result<double> rows_of_plan(std::string_view text) {
  const Error other(sqlstate::protocol_violation, "the server sent a plan of another shape");
  boost::system::error_code failed;
  const json::value parsed = json::parse(text, failed);
  const json::array* const list = failed ? nullptr : parsed.if_array();
  const json::object* const first = list != nullptr && list->size() == 1 ? object_at(&list->front()) : nullptr;
  const json::object* const plan = first != nullptr ? object_at(first->if_contains("Plan")) : nullptr;
  if (plan == nullptr) return other;
  return rows_of(*plan);
}

std::unique_ptr<ports::PlanSource> make_pg_plan_source() {
  return std::make_unique<PgPlanSource>();
}

}  // namespace dbgate::adapters
