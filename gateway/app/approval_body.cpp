#include "gateway/app/approval_body.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "gateway/app/explain.h"
#include "gateway/audit/json.h"
#include "gateway/risk/assess.h"
#include "gateway/session/commit_gate.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;

void add(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) audit::append_field(out, key, value);
}

void add_list(std::string& out, std::string_view key, const std::vector<std::string>& list) {
  out.append(",\"").append(key).append("\":[");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ',';
    audit::append_json_string(out, list[i]);
  }
  out += ']';
}

// Members as append_field() writes them, with a comma before each.
std::string object_of(const std::string& members) {
  return "{" + members.substr(members.empty() ? 0 : 1) + "}";
}

void add_objects(std::string& out, std::string_view key, const std::vector<std::string>& objects) {
  out.append(",\"").append(key).append("\":[");
  for (std::size_t i = 0; i < objects.size(); ++i)
    out.append(i > 0 ? "," : "").append(objects[i]);
  out += ']';
}

std::string relation_of(const ports::RelationSummary& relation) {
  std::string out;
  add(out, "name", relation.name);
  add_list(out, "effects", relation.effects);
  add_list(out, "reads", relation.reads);
  add_list(out, "writes", relation.writes);
  return object_of(out);
}

// "DML-01 orders", with what the rule says of itself.
std::string hit_of(const std::string& hit) {
  const std::size_t space = hit.find(' ');
  const std::string id = hit.substr(0, space);
  std::string out;
  add(out, "id", id);
  if (space != std::string::npos) add(out, "about", hit.substr(space + 1));
  for (const risk::Rule* rule : risk::all_rules()) {
    if (id != rule->id) continue;
    add(out, "title", rule->title);
    add(out, "why", rule->why);
    add(out, "remedy", rule->remedy);
  }
  return object_of(out);
}

std::string risk_of(const policy::Risk& risk) {
  std::string out;
  add(out, "level", risk.level);
  audit::append_field(out, "score", std::uint64_t{risk.score});
  std::vector<std::string> hits(risk.rules.size());
  std::transform(risk.rules.begin(), risk.rules.end(), hits.begin(), hit_of);
  add_objects(out, "rules", hits);
  return object_of(out);
}

// Empty: it is none.
json::object object_in(const std::string& body) {
  boost::system::error_code failed;
  json::value parsed = json::parse(body, failed);
  return failed || !parsed.is_object() ? json::object() : std::move(parsed.get_object());
}

void drop_rows(json::object& body) {
  json::value* const changes = body.if_contains("changes");
  if (changes != nullptr && changes->is_object()) changes->get_object().erase("rows");
}

std::string written(const json::object& body) {
  return body.empty() ? std::string() : json::serialize(body);
}

}  // namespace

std::string for_others(const std::string& body) {
  json::object parsed = object_in(body);
  for (const char* const known_by_plan : {"plan", "estimated_rows", "no_plan"})
    parsed.erase(known_by_plan);
  drop_rows(parsed);
  return written(parsed);
}

std::string without_rows(const std::string& body) {
  json::object parsed = object_in(body);
  drop_rows(parsed);
  return written(parsed);
}

Result<std::string> approval_body(const session::SessionInfo& session, const session::HoldQuestion& question) {
  session::Judged judged;
  judged.script = question.script;
  judged.verdict = question.verdict;
  const ports::DecisionSummary summary = summary_of(judged);
  std::string out;
  add(out, "sql", question.text);
  add(out, "executes", question.defined);
  if (!question.parameters.empty()) out.append(",\"parameters\":").append(question.parameters);
  add(out, "protocol", question.protocol);
  add(out, "operation", summary.operation);
  std::vector<std::string> relations(summary.relations.size());
  std::transform(summary.relations.begin(), summary.relations.end(), relations.begin(), relation_of);
  add_objects(out, "relations", relations);
  add_list(out, "functions", summary.functions);
  add_list(out, "reasons", summary.reasons);
  out.append(",\"risk\":").append(risk_of(question.verdict->risk));
  add(out, "client_address", session.client.host);
  add(out, "application", session.application);
  add(out, "auth_method", session.auth_method);
  add(out, "server", session.server_host);
  if (question.settings_changed) add(out, "settings", "changed by the session: names and values may mean others");
  if (question.changes) {
    // The server's words, which only a server that is out of step spells otherwise.
    const std::string changes = std::string("{\"capture\":\"") +
                                (question.changes->compared ? "unprepared" : "prepared") + "\",\"tables\":[" +
                                question.changes->tables + "],\"rows\":[" + question.changes->rows + "]}";
    boost::system::error_code failed;
    const json::value parsed = json::parse(changes, failed);
    if (failed || !parsed.is_object() || parsed.get_object().size() != 3) {
      return Error(sqlstate::connection_failure, "the server has not told what the transaction changes");
    }
    out.append(",\"changes\":").append(changes);
  }
  return object_of(out);
}

bool has_plan(const session::HoldQuestion& question) {
  using Kind = sql::StatementKind;
  constexpr std::array<Kind, 6> planned = {Kind::select,  Kind::insert, Kind::update,
                                           Kind::delete_, Kind::merge,  Kind::values};
  const auto& statements = question.script->statements;
  return statements.size() == 1 && !question.settings_changed && !question.changes &&
         std::find(planned.begin(), planned.end(), statements.front().kind) != planned.end();
}

void add_plan(std::string& body, const Result<ports::Plan>& plan) {
  if (body.size() <= 2) return;
  body.pop_back();
  if (plan) {
    audit::append_field(body, "estimated_rows", static_cast<std::uint64_t>(std::max(0.0, plan->rows)));
    add_list(body, "plan", plan->lines);
  } else {
    add(body, "no_plan", plan.error().message());
  }
  body += '}';
}

}  // namespace dbgate::app
