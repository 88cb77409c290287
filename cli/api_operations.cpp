#include <boost/json.hpp>

#include "cli/api_client.h"
#include "cli/output.h"
#include "cli/problem.h"

// Which path and which members each operation has; how requests are sent is in api_client.cpp.
namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t everything = 100'000;

std::string under(const std::string& collection, const std::string& name) {
  return "/" + collection + "/" + percent_encoded(name);
}

}  // namespace

// Signing in.

json::value Api::login_methods() {
  const HttpAnswer answer = send({"GET", "/api/v1/login/methods", "", "", ""});
  boost::system::error_code failed;
  json::value parsed = json::parse(answer.body, failed);
  return failed ? json::value(json::object()) : parsed;
}
json::value Api::login(const json::object& credentials) {
  return open_call("/login", credentials);
}
json::value Api::start_oidc(const json::object& request) {
  return open_call("/login/oidc", request);
}
json::value Api::start_device(const std::string& provider) {
  return open_call("/login/device", provider.empty() ? json::object() : json::object{{"provider", provider}});
}
json::value Api::redeem_code(const std::string& code, const std::string& verifier, const std::string& redirect) {
  return form(
      {{"grant_type", "authorization_code"}, {"code", code}, {"code_verifier", verifier}, {"redirect_uri", redirect}});
}
json::value Api::poll_device(const std::string& device_code) {
  return form({{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}, {"device_code", device_code}});
}
json::value Api::refresh(const std::string& refresh_token) {
  return form({{"grant_type", "refresh_token"}, {"refresh_token", refresh_token}});
}
json::value Api::register_user(const json::object& registration) {
  return open_call("/registrations", registration);
}

// The one who asks.

json::value Api::me() {
  return call("GET", "/me");
}
json::value Api::me_with(const std::string& token) {
  const HttpAnswer answer = send({"GET", "/api/v1/me", token, "", ""});
  boost::system::error_code failed;
  json::value parsed = json::parse(answer.body, failed);
  if (!failed) return parsed;
  throw Problem{Exit::failure, url_.text() + " does not answer as a gateway does", "check the URL"};
}
HttpAnswer Api::probe(const std::string& token) {
  if (!connection_ || !connection_->reusable()) connection_ = std::make_unique<HttpConnection>(options_, url_);
  return connection_->exchange({"GET", "/api/v1/me", token, "", ""});
}
void Api::logout() {
  call("POST", "/logout");
}
json::array Api::my_logins() {
  return items("/me/logins", {}, everything);
}
void Api::end_my_login(const std::string& id) {
  call("DELETE", under("me/logins", id));
}
void Api::change_password(const std::string& current, const std::string& next) {
  call("POST", "/me/password", json::object{{"current_password", current}, {"new_password", next}});
  // After a password that was for one sign-in only, the token that is kept is good for changing it and nothing else.
  renew();
}
json::value Api::start_totp() {
  return call("POST", "/me/totp", json::object());
}
json::value Api::confirm_totp(const std::string& code) {
  return call("POST", "/me/totp/confirm", json::object{{"otp", code}});
}
void Api::remove_totp(const std::string& password) {
  call("DELETE", "/me/totp", json::object{{"password", password}});
}
json::array Api::my_tokens() {
  return items("/me/tokens", {}, everything);
}
json::value Api::create_token(const json::object& token) {
  return create("/me/tokens", token);
}
void Api::revoke_token(const std::string& id) {
  call("DELETE", under("me/tokens", id));
}
json::array Api::my_database_passwords() {
  return items("/me/database-passwords", {}, everything);
}
json::value Api::create_database_password(const json::object& password) {
  return create("/me/database-passwords", password);
}
void Api::revoke_database_password(const std::string& id) {
  call("DELETE", under("me/database-passwords", id));
}

// Targets and statements.

json::array Api::targets(const Query& filters) {
  return items("/targets", filters, everything);
}
json::value Api::target(const std::string& name) {
  return call("GET", under("targets", name));
}
json::value Api::create_target(const json::object& target) {
  return create("/targets", target);
}
json::value Api::change_target(const std::string& name, const std::function<void(json::object&)>& alter) {
  json::value target = call("GET", under("targets", name));
  json::object settings;
  if (const json::value* inner = target.as_object().if_contains("settings"); inner != nullptr && inner->is_object()) {
    settings = inner->as_object();
  }
  alter(settings);
  return change("PUT", under("targets", name), json::object{{"settings", std::move(settings)}});
}
void Api::remove_target(const std::string& name) {
  change("DELETE", under("targets", name), nullptr);
}
json::value Api::test_target(const std::string& name) {
  return call("POST", under("targets", name) + "/test", json::object());
}
json::value Api::preparation(const std::string& target) {
  return call("GET", under("targets", target) + "/preparation");
}
void Api::prepare_target(const std::string& name, const json::object& wish) {
  call("POST", under("targets", name) + "/preparation", wish);
}
std::string Api::tunnel_path(const std::string& target, const std::string& database) {
  std::string path = "/api/v1" + under("targets", target) + "/tunnel";
  if (!database.empty()) path += "?database=" + percent_encoded(database);
  return path;
}
json::value Api::decide(const json::object& question) {
  return call("POST", "/decisions", question);
}
HttpAnswer Api::run(const std::string& target, json::object query) {
  const std::size_t slash = target.find('/');
  if (slash != std::string::npos) query["database"] = target.substr(slash + 1);
  HttpRequest request{"POST", "/api/v1" + under("targets", target.substr(0, slash)) + "/queries", "",
                      "application/json", json::serialize(query)};
  request.headers.emplace_back("Accept", "application/x-ndjson");
  request.limit = std::chrono::seconds(0);
  return send_signed(std::move(request), true);
}
void Api::cancel(const std::string& query_id) {
  call("POST", under("queries", query_id) + "/cancel");
}
json::array Api::history(const Query& filters, std::size_t limit) {
  return items("/history", filters, limit);
}
json::value Api::history_entry(const std::string& id) {
  return call("GET", under("history", id));
}

json::array Api::receipts(const std::string& id) {
  return call("GET", under("history", id) + "/receipts").at("items").as_array();
}
json::array Api::saved_queries() {
  return items("/saved-queries", {}, everything);
}
json::value Api::create_saved_query(const json::object& query) {
  return create("/saved-queries", query);
}
void Api::remove_saved_query(const std::string& id) {
  change("DELETE", under("saved-queries", id), nullptr);
}

// Sessions, records, events.

json::array Api::sessions(const Query& filters) {
  return items("/sessions", filters, everything);
}
void Api::kill_session(const std::string& id, const std::string& reason) {
  call("POST", under("sessions", id) + "/kill", json::object{{"reason", reason}});
}
json::array Api::audit_records(const Query& filters, std::size_t limit) {
  return items("/audit/records", filters, limit);
}
json::array Api::approvals(const Query& filters, std::size_t limit) {
  return items("/approvals", filters, limit);
}
Api::SeenApproval Api::approval(const std::string& id, std::chrono::seconds patience) {
  std::string path = "/api/v1" + under("approvals", id);
  if (patience.count() > 0) path += "?wait_seconds=" + std::to_string(patience.count());
  const HttpAnswer answer = send_signed({"GET", path, "", "", ""});
  boost::system::error_code failed;
  const json::value parsed = json::parse(answer.body, failed);
  if (!failed && parsed.is_object()) return {parsed.as_object(), answer.header("ETag")};
  throw Problem{Exit::failure, url_.text() + " does not answer as a gateway does", "check the URL"};
}
json::object Api::decide_approval(const SeenApproval& seen, bool yes, const json::object& words) {
  const std::string id = text_at(seen.approval, "id");
  return create(under("approvals", id) + (yes ? "/approve" : "/deny"), words, seen.etag).as_object();
}
json::object Api::cancel_approval(const std::string& id) {
  return call("POST", under("approvals", id) + "/cancel").as_object();
}
json::array Api::access_requests(const Query& filters, std::size_t limit) {
  return items("/access-requests", filters, limit);
}
json::object Api::access_request(const std::string& id) {
  return call("GET", under("access-requests", id)).as_object();
}
json::object Api::request_access(const json::object& wish) {
  return create("/access-requests", wish).as_object();
}
json::object Api::end_access(const std::string& id, const json::object& words) {
  return call("POST", under("access-requests", id) + "/end", words).as_object();
}
json::array Api::access_offers(const Query& filters) {
  return items("/access-offers", filters, everything);
}
HttpAnswer Api::events(const std::string& topics) {
  HttpRequest request{"GET", "/api/v1/events?topics=" + percent_encoded(topics), "", "", ""};
  request.headers.emplace_back("Accept", "text/event-stream");
  return send_signed(std::move(request), true);
}

// Administration.

json::array Api::users(const Query& filters) {
  return items("/users", filters, everything);
}
json::value Api::user(const std::string& name) {
  return call("GET", under("users", name));
}
json::value Api::create_user(const json::object& user) {
  return create("/users", user);
}
json::value Api::change_user(const std::string& name, const json::object& patch) {
  return change("PATCH", under("users", name), patch);
}
json::value Api::reset_user(const std::string& name) {
  return create(under("users", name) + "/reset", {});
}
json::array Api::groups() {
  return items("/groups", {}, everything);
}
json::value Api::group(const std::string& name) {
  return call("GET", under("groups", name));
}
json::value Api::create_group(const json::object& group) {
  return create("/groups", group);
}
void Api::remove_group(const std::string& name) {
  change("DELETE", under("groups", name), nullptr);
}
void Api::add_member(const std::string& group, const std::string& user) {
  call("PUT", under("groups", group) + under("members", user));
}
void Api::remove_member(const std::string& group, const std::string& user) {
  call("DELETE", under("groups", group) + under("members", user));
}
json::array Api::service_accounts() {
  return items("/service-accounts", {}, everything);
}
json::value Api::create_service_account(const json::object& account) {
  return create("/service-accounts", account);
}
json::array Api::keys(const std::string& account) {
  return items(under("service-accounts", account) + "/keys", {}, everything);
}
json::value Api::create_key(const std::string& account, const json::object& key) {
  return create(under("service-accounts", account) + "/keys", key);
}
void Api::revoke_key(const std::string& account, const std::string& id) {
  call("DELETE", under("service-accounts", account) + under("keys", id));
}
json::array Api::invitations() {
  return items("/invitations", {}, everything);
}
json::value Api::create_invitation(const json::object& invitation) {
  return create("/invitations", invitation);
}
void Api::revoke_invitation(const std::string& id) {
  call("DELETE", under("invitations", id));
}
json::array Api::registrations() {
  return items("/registrations", {}, everything);
}
void Api::remove_user(const std::string& name) {
  change("DELETE", under("users", name), nullptr);
}
void Api::grant_role(const std::string& role, bool to_group, const std::string& name) {
  call("PUT", under("roles", role) + under(to_group ? "groups" : "users", name));
}
void Api::revoke_role(const std::string& role, bool of_group, const std::string& name) {
  call("DELETE", under("roles", role) + under(of_group ? "groups" : "users", name));
}
json::array Api::logins(const Query& filters) {
  return items("/logins", filters, everything);
}
void Api::end_login(const std::string& id) {
  call("POST", under("logins", id) + "/end");
}
json::value Api::active_policy() {
  return call("GET", "/policies");
}
json::array Api::policy_versions() {
  return items("/policies/versions", {{"sort", "-number"}}, everything);
}
json::value Api::policy_version(const std::string& number) {
  return call("GET", "/policies/versions/" + percent_encoded(number));
}
json::value Api::validate_policy(const std::string& text) {
  return call("POST", "/policies/validate", json::object{{"text", text}});
}
json::value Api::create_policy_version(const json::object& version) {
  return create("/policies/versions", version);
}
json::value Api::activate_policy(std::int64_t number, std::int64_t seen) {
  return call("POST", "/policies/versions/" + std::to_string(number) + "/activate", json::object{{"seen", seen}});
}
json::value Api::approve_registration(const std::string& name, const json::object& approval) {
  return create(under("registrations", name) + "/approve", approval);
}
void Api::deny_registration(const std::string& name) {
  call("POST", under("registrations", name) + "/deny");
}

}  // namespace dbgate::cli
