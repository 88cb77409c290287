#include "gateway/api/decisions.h"

#include <boost/json.hpp>

#include "gateway/api/routes.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::size_t most_texts = 100;

/// A question as it was asked; `why` says what is wrong with it.
struct Asked {
  ports::DecisionQuestion question;
  bool several = false;
  unsigned status = 400;
  std::string why;
};

bool read_texts(const json::value& value, Asked& asked) {
  if (!value.is_array() || value.as_array().empty() || value.as_array().size() > most_texts) return false;
  for (const json::value& text : value.as_array()) {
    if (!text.is_string()) return false;
    asked.question.texts.emplace_back(text.as_string());
  }
  asked.several = true;
  return true;
}

std::string read_member(std::string_view name, const json::value& value, Asked& asked) {
  if (name == "statements") {
    return read_texts(value, asked) ? "" : "\"statements\" must be a list of 1 to 100 strings";
  }
  if (name != "target" && name != "sql" && name != "principal") return "unknown member \"" + std::string(name) + "\"";
  if (!value.is_string()) return "\"" + std::string(name) + "\" must be a string";
  const std::string text(value.as_string());
  if (name == "sql") {
    asked.question.texts.push_back(text);
  } else {
    (name == "target" ? asked.question.target : asked.question.principal) = text;
  }
  return {};
}

Asked read_question(const Request& request) {
  Asked asked;
  if (!request.content_type.starts_with("application/json")) {
    asked.status = 415;
    asked.why = "send application/json";
    return asked;
  }
  boost::system::error_code failed;
  json::parse_options options;
  options.max_depth = 8;
  const json::value parsed = json::parse(request.body, failed, {}, options);
  if (failed || !parsed.is_object()) {
    asked.why = "the body is not a JSON object";
    return asked;
  }
  const json::object& body = parsed.as_object();
  for (const auto& [key, value] : body) {
    asked.why = read_member(key, value, asked);
    if (!asked.why.empty()) return asked;
  }
  if (!body.contains("target")) asked.why = "needs \"target\", a string";
  if (body.contains("sql") == body.contains("statements")) asked.why = "needs either \"sql\" or \"statements\"";
  return asked;
}

json::object objects_of(const ports::DecisionSummary& decided) {
  json::array relations;
  for (const ports::RelationSummary& relation : decided.relations) {
    json::object entry{{"name", relation.name}, {"effects", json::value_from(relation.effects)}};
    if (!relation.reads.empty()) entry["reads"] = json::value_from(relation.reads);
    if (!relation.writes.empty()) entry["writes"] = json::value_from(relation.writes);
    relations.push_back(std::move(entry));
  }
  return {{"relations", std::move(relations)}, {"functions", json::value_from(decided.functions)}};
}

json::object answer_of(const ports::DecisionSummary& decided) {
  json::object answer;
  answer["effect"] = decided.effect;
  answer["rule"] = decided.rule;
  answer["reasons"] = json::value_from(decided.reasons);
  answer["operation"] = decided.operation;
  answer["objects"] = objects_of(decided);
  if (decided.sqlstate.empty()) return answer;
  answer["sqlstate"] = decided.sqlstate;
  answer["message"] = decided.message;
  if (!decided.hint.empty()) answer["hint"] = decided.hint;
  if (!decided.suggestion.empty()) answer["suggestion"] = decided.suggestion;
  if (decided.position > 0) answer["position"] = decided.position;
  return answer;
}

}  // namespace

Task<Response> decide(ports::GatewayService& service, const Request& request, const std::string& user) {
  Asked asked = read_question(request);
  if (!asked.why.empty()) {
    const char* const code = asked.status == 415 ? "unsupported_media_type" : "bad_request";
    co_return problem(request, asked.status, code, "Malformed request", asked.why);
  }
  asked.question.user = user;
  const bool several = asked.several;
  const auto decided = co_await service.decide(std::move(asked.question));
  if (!decided) {
    const Error why = decided.error();
    if (why.code() == sqlstate::insufficient_privilege) {
      co_return problem(request, 403, "not_administrator", "Not an administrator", why.message());
    }
    co_return problem(request, 404, "no_such_target", "No such target", why.message());
  }
  if (!several) co_return Response{200, json::serialize(answer_of(decided->front())), false};
  json::array items;
  for (const ports::DecisionSummary& one : *decided)
    items.push_back(answer_of(one));
  co_return Response{200, json::serialize(json::object{{"items", std::move(items)}}), false};
}

}  // namespace dbgate::api
