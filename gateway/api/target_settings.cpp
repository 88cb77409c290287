#include <boost/json.hpp>

#include "gateway/api/administration.h"
#include "gateway/api/etag.h"
#include "gateway/api/json_body.h"
#include "gateway/api/settings.h"

// Targets and policies of the store.
namespace dbgate::api {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::int64_t most_name = 63;
constexpr std::int64_t most_comment = 500;
constexpr std::int64_t most_policy = 1 << 20;
constexpr std::int64_t most_number = 999'999'999;

json::value settings_of(const ports::TargetView& view) {
  boost::system::error_code failed;
  json::value parsed = json::parse(view.target.settings, failed);
  return failed || !parsed.is_object() ? json::value(json::object()) : parsed;
}

std::string etag_of(const ports::TargetView& view) {
  return view.of_file ? api::etag_of(view.target.name) : api::etag_of(view.target.id, view.target.revision);
}

Response shown(const ports::TargetView& view, unsigned status = 200) {
  json::object item;
  if (!view.of_file) item["id"] = view.target.id;
  item["name"] = view.target.name;
  item["managed_by"] = view.of_file ? "configuration" : "store";
  item["settings"] = view.of_file ? json::value(nullptr) : settings_of(view);
  item["has_password"] = view.has_password;
  item["created_at"] = time_or_null(view.target.created_us);
  item["updated_at"] = time_or_null(view.target.updated_us);
  Response response = json_response(json::serialize(item), status);
  response.etag = etag_of(view);
  return response;
}

json::array json_of(const std::vector<ports::TextProblem>& problems) {
  json::array list;
  for (const ports::TextProblem& problem : problems) {
    json::object one{{"severity", problem.warning ? "warning" : "error"}, {"detail", problem.detail}};
    one["line"] = problem.line > 0 ? json::value(problem.line) : json::value(nullptr);
    one["column"] = problem.column > 0 ? json::value(problem.column) : json::value(nullptr);
    list.push_back(std::move(one));
  }
  return list;
}

Response unprocessable(const Request& request, const std::string& member, const std::vector<ports::TextProblem>& list) {
  ProblemDetails details;
  for (const ports::TextProblem& problem : list) {
    const std::string place = problem.line > 0 ? "line " + std::to_string(problem.line) + ": " : "";
    if (!problem.warning) details.errors.push_back({"/" + member, place + problem.detail});
  }
  return problem(request, "unprocessable", "the " + member + " cannot be used", details);
}

json::object json_of(const store::PolicyVersion& version, bool with_text) {
  json::object item;
  item["number"] = version.number;
  item["comment"] = version.comment;
  item["author"] = version.author;
  item["created_at"] = time_or_null(version.created_us);
  item["active"] = version.active;
  if (with_text) item["text"] = version.text;
  return item;
}

std::int64_t number_of(const Request& request) {
  return std::stoll(request.parameter("number"));
}

}  // namespace

Task<Response> show_target(Services& services, Request& request) {
  const auto found = co_await ask<ports::TargetView>(
      services, [&](ports::Administration& all) { return all.targets().find_target(request.parameter("name")); });
  if (!found) co_return refused_by(request, found.error());
  co_return shown(*found);
}

Task<Response> create_target(Services& services, Request& request) {
  const JsonBody body(request, {member::text("name", 1, most_name), member::object("settings")});
  if (!body.valid()) co_return body.refused(request);
  const ports::TargetWish wish{body.text("name"), json::serialize(*body.value("settings")), 0};
  const ports::Actor actor = actor_of(request);
  const auto made = co_await ask<ports::Checked<ports::TargetView>>(
      services, [&](ports::Administration& all) { return all.targets().create_target(actor, wish); });
  if (!made) co_return refused_by(request, made.error());
  if (made->refused()) co_return unprocessable(request, "settings", made->problems);
  Response response = shown(made->value, 201);
  response.headers.set("Location", "/api/v1/targets/" + wish.name);
  co_return response;
}

Task<Response> change_target(Services& services, Request& request) {
  const JsonBody body(request, {member::object("settings")});
  if (!body.valid()) co_return body.refused(request);
  const std::string& name = request.parameter("name");
  const ports::Actor actor = actor_of(request);
  const auto found = co_await ask<ports::TargetView>(
      services, [&](ports::Administration& all) { return all.targets().find_target(name); });
  if (!found) co_return refused_by(request, found.error());
  if (auto refused = refuse_unless_match(request, etag_of(*found))) co_return *refused;
  const ports::TargetWish wish{name, json::serialize(*body.value("settings")), found->target.revision};
  const auto changed = co_await ask<ports::Checked<ports::TargetView>>(
      services, [&](ports::Administration& all) { return all.targets().change_target(actor, wish); });
  if (!changed) co_return refused_by(request, changed.error());
  if (changed->refused()) co_return unprocessable(request, "settings", changed->problems);
  co_return shown(changed->value);
}

Task<Response> remove_target(Services& services, Request& request) {
  const std::string& name = request.parameter("name");
  const ports::Actor actor = actor_of(request);
  const auto found = co_await ask<ports::TargetView>(
      services, [&](ports::Administration& all) { return all.targets().find_target(name); });
  if (!found) co_return refused_by(request, found.error());
  if (auto refused = refuse_unless_match(request, etag_of(*found))) co_return *refused;
  const auto gone = co_await ask<void>(services, [&](ports::Administration& all) {
    return all.targets().remove_target(actor, name, found->target.revision);
  });
  if (!gone) co_return refused_by(request, gone.error());
  co_return no_content();
}

Task<Response> test_target(Services& services, Request& request) {
  const ports::Actor actor = actor_of(request);
  const auto tested = co_await ask<ports::TargetTest>(services, [&](ports::Administration& all) {
    return all.targets().test_target(actor, request.parameter("name"));
  });
  if (!tested) co_return refused_by(request, tested.error());
  json::object answer{{"ok", tested->ok}, {"elapsed_ms", tested->elapsed_ms}};
  if (tested->ok) answer["server_version"] = tested->server_version;
  if (tested->ok) answer["tls"] = tested->tls;
  if (!tested->ok) answer["detail"] = tested->detail;
  co_return json_response(json::serialize(answer));
}

Task<Response> show_preparation(Services& services, Request& request) {
  const auto prepared = co_await ask<ports::TargetPreparation>(
      services, [&](ports::Administration& all) { return all.targets().preparation(request.parameter("name")); });
  if (!prepared) co_return refused_by(request, prepared.error());
  co_return json_response(json::serialize(json::object{{"sql", prepared->sql}, {"undo_sql", prepared->undo_sql}}));
}

Task<Response> prepare_target(Services& services, Request& request) {
  const JsonBody body(request, {member::word("action", {"apply", "undo"}), member::text("database", 1, 63).optional()});
  if (!body.valid()) co_return body.refused(request);
  const ports::Actor actor = actor_of(request);
  const auto done = co_await ask<void>(services, [&](ports::Administration& all) {
    return all.targets().prepare_target(actor, request.parameter("name"), body.text("database"),
                                        body.text("action") == "undo");
  });
  if (!done) co_return refused_by(request, done.error());
  co_return no_content();
}

Task<Response> show_policies(Services& services, Request& request) {
  const auto active = co_await ask<store::PolicyVersion>(
      services, [](ports::Administration& all) { return all.policies().active_policy(); });
  if (!active) co_return refused_by(request, active.error());
  Response response = json_response(json::serialize(json_of(*active, true)));
  response.etag = api::etag_of("policies", active->number);
  co_return response;
}

Task<Response> validate_policies(Services& services, Request& request) {
  const JsonBody body(request, {member::secret("text", 0, most_policy)});
  if (!body.valid()) co_return body.refused(request);
  const auto problems = co_await ask<std::vector<ports::TextProblem>>(
      services, [&](ports::Administration& all) { return all.policies().check_policy(body.text("text")); });
  if (!problems) co_return refused_by(request, problems.error());
  const bool valid = !ports::Checked<int>{0, *problems}.refused();
  co_return json_response(json::serialize(json::object{{"valid", valid}, {"problems", json_of(*problems)}}));
}

Task<Response> list_policy_versions(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {.sorts = {"number"}}, refused);
  if (!query) co_return refused;
  auto versions = co_await ask<std::vector<store::PolicyVersion>>(
      services, [](ports::Administration& all) { return all.policies().list_versions(); });
  if (!versions) co_return refused_by(request, versions.error());
  const auto key = [](const store::PolicyVersion& version) {
    std::string digits = std::to_string(version.number);
    return std::string(20 - std::min<std::size_t>(digits.size(), 20), '0') + digits;
  };
  co_return page_of<store::PolicyVersion>(
      request, services, *query, std::move(*versions), key,
      [](const store::PolicyVersion& version) { return json::serialize(json_of(version, false)); });
}

Task<Response> show_policy_version(Services& services, Request& request) {
  const auto found = co_await ask<store::PolicyVersion>(
      services, [&](ports::Administration& all) { return all.policies().find_version(number_of(request)); });
  if (!found) co_return refused_by(request, found.error());
  co_return json_response(json::serialize(json_of(*found, true)));
}

Task<Response> create_policy_version(Services& services, Request& request) {
  const JsonBody body(request,
                      {member::secret("text", 0, most_policy), member::text("comment", 0, most_comment).optional()});
  if (!body.valid()) co_return body.refused(request);
  const ports::Actor actor = actor_of(request);
  const auto made = co_await ask<ports::Checked<store::PolicyVersion>>(services, [&](ports::Administration& all) {
    return all.policies().add_version(actor, body.text("text"), body.text("comment"));
  });
  if (!made) co_return refused_by(request, made.error());
  if (made->refused()) co_return unprocessable(request, "text", made->problems);
  Response response = json_response(json::serialize(json_of(made->value, true)), 201);
  response.headers.set("Location", "/api/v1/policies/versions/" + std::to_string(made->value.number));
  co_return response;
}

Task<Response> activate_policy_version(Services& services, Request& request) {
  const JsonBody body(request, {member::whole("seen", 0, most_number)});
  if (!body.valid()) co_return body.refused(request);
  const ports::Actor actor = actor_of(request);
  const auto done = co_await ask<ports::Checked<store::PolicyVersion>>(services, [&](ports::Administration& all) {
    return all.policies().activate(actor, number_of(request), body.whole("seen", 0));
  });
  if (!done) co_return refused_by(request, done.error());
  if (done->refused()) co_return unprocessable(request, "text", done->problems);
  co_return json_response(json::serialize(json_of(done->value, true)));
}

}  // namespace dbgate::api
