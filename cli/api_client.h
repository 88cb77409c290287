#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cli/credentials.h"
#include "cli/http/http_client.h"
#include "cli/problem.h"

namespace dbgate::cli {

/// Filters of a list, by the API's names. Empty values are not sent.
using Query = std::map<std::string, std::string>;

/// What a problem object of the gateway (RFC 9457, RFC 6749 §5.2) means here: cause, next step, exit status.
/// @param status  of HTTP; 0: the one in the object
Problem problem_in(boost::json::object body, unsigned status = 0);

/// The operations of the gateway's API, one function for each: nothing else knows its paths and members. Blocking; used
/// by one thread. All throw Problem: 7 if the gateway cannot be reached, and what it answered for a status of 400 and
/// above. A kept access token is renewed when it must be.
class Api {
 public:
  explicit Api(const Options& options);
  Api(const Options& options, const GatewayUrl& url);
  ~Api();

  const GatewayUrl& url() const { return url_; }
  const Options& options() const { return options_; }

  // Signing in. These send no token.
  boost::json::value login_methods();
  boost::json::value login(const boost::json::object& credentials);
  boost::json::value start_oidc(const boost::json::object& request);
  boost::json::value start_device(const std::string& provider);
  boost::json::value redeem_code(const std::string& code, const std::string& verifier, const std::string& redirect);
  boost::json::value poll_device(const std::string& device_code);
  boost::json::value refresh(const std::string& refresh_token);
  boost::json::value register_user(const boost::json::object& registration);

  // The one who asks.
  boost::json::value me();
  boost::json::value me_with(const std::string& token);
  /// The head of an answer to GET /me, whatever its status.
  HttpAnswer probe(const std::string& token);
  void logout();
  boost::json::array my_logins();
  void end_my_login(const std::string& id);
  void change_password(const std::string& current, const std::string& next);
  boost::json::value start_totp();
  boost::json::value confirm_totp(const std::string& code);
  void remove_totp(const std::string& password);
  boost::json::array my_tokens();
  boost::json::value create_token(const boost::json::object& token);
  void revoke_token(const std::string& id);
  boost::json::array my_database_passwords();
  boost::json::value create_database_password(const boost::json::object& password);
  void revoke_database_password(const std::string& id);

  // Targets and statements.
  boost::json::array targets(const Query& filters = {});
  boost::json::value target(const std::string& name);
  boost::json::value create_target(const boost::json::object& target);
  boost::json::value change_target(const std::string& name, const std::function<void(boost::json::object&)>& change);
  void remove_target(const std::string& name);
  boost::json::value test_target(const std::string& name);
  boost::json::value preparation(const std::string& target);
  void prepare_target(const std::string& name, const boost::json::object& wish);
  static std::string tunnel_path(const std::string& target, const std::string& database);
  boost::json::value decide(const boost::json::object& question);
  /// Begins to run a text: an answer whose body, read from connection(), is NDJSON.
  HttpAnswer run(const std::string& target, boost::json::object query);
  void cancel(const std::string& query_id);
  boost::json::array history(const Query& filters, std::size_t limit);
  boost::json::value history_entry(const std::string& id);
  boost::json::array receipts(const std::string& id);
  boost::json::array saved_queries();
  boost::json::value create_saved_query(const boost::json::object& query);
  void remove_saved_query(const std::string& id);

  // Sessions, records, events.
  boost::json::array sessions(const Query& filters = {});
  void kill_session(const std::string& id, const std::string& reason);
  boost::json::array audit_records(const Query& filters, std::size_t limit);
  /// An approval and the tag of what was seen of it.
  struct SeenApproval {
    boost::json::object approval;
    std::string etag;
  };
  boost::json::array approvals(const Query& filters, std::size_t limit);
  /// @param patience  answer no sooner than after this long while it is pending; 30 s at most
  SeenApproval approval(const std::string& id, std::chrono::seconds patience = std::chrono::seconds(0));
  boost::json::object decide_approval(const SeenApproval& seen, bool yes, const boost::json::object& words);
  boost::json::object cancel_approval(const std::string& id);
  boost::json::array access_requests(const Query& filters, std::size_t limit);
  boost::json::object access_request(const std::string& id);
  boost::json::object request_access(const boost::json::object& wish);
  boost::json::object end_access(const std::string& id, const boost::json::object& words);
  boost::json::array access_offers(const Query& filters = {});
  /// Server-sent events of topics, read from connection().
  HttpAnswer events(const std::string& topics);

  // Administration.
  boost::json::array users(const Query& filters = {});
  boost::json::value user(const std::string& name);
  boost::json::value create_user(const boost::json::object& user);
  boost::json::value change_user(const std::string& name, const boost::json::object& patch);
  boost::json::value reset_user(const std::string& name);
  boost::json::array groups();
  boost::json::value group(const std::string& name);
  boost::json::value create_group(const boost::json::object& group);
  void remove_group(const std::string& name);
  void add_member(const std::string& group, const std::string& user);
  void remove_member(const std::string& group, const std::string& user);
  boost::json::array service_accounts();
  boost::json::value create_service_account(const boost::json::object& account);
  boost::json::array keys(const std::string& account);
  boost::json::value create_key(const std::string& account, const boost::json::object& key);
  void revoke_key(const std::string& account, const std::string& id);
  boost::json::array invitations();
  boost::json::value create_invitation(const boost::json::object& invitation);
  void revoke_invitation(const std::string& id);
  boost::json::array registrations();
  void deny_registration(const std::string& name);
  void remove_user(const std::string& name);
  void grant_role(const std::string& role, bool to_group, const std::string& name);
  void revoke_role(const std::string& role, bool of_group, const std::string& name);
  boost::json::array logins(const Query& filters);
  void end_login(const std::string& id);
  boost::json::value active_policy();
  boost::json::array policy_versions();
  boost::json::value policy_version(const std::string& number);
  boost::json::value validate_policy(const std::string& text);
  boost::json::value create_policy_version(const boost::json::object& version);
  /// @param seen  the version in force, as the caller has seen it
  boost::json::value activate_policy(std::int64_t number, std::int64_t seen);
  boost::json::value approve_registration(const std::string& name, const boost::json::object& approval);

  /// Where the body of run() and events() is read from.
  HttpConnection& connection() { return *connection_; }

 private:
  /// Has a new access token made of the kept sign-in.
  void renew();
  HttpAnswer send(HttpRequest request, bool stream = false);
  HttpAnswer send_signed(HttpRequest request, bool stream = false);
  boost::json::value call(const std::string& method, const std::string& path, const boost::json::value& body = nullptr);
  boost::json::value open_call(const std::string& path, const boost::json::object& body);
  boost::json::value form(std::initializer_list<std::pair<const char*, std::string>> fields);
  boost::json::array items(const std::string& path, Query query, std::size_t limit);
  /// POST with an Idempotency-Key: sent again, the same request does nothing anew.
  boost::json::value create(const std::string& path, const boost::json::object& body, const std::string& etag = {});
  /// PATCH or DELETE with the ETag that a GET has just shown.
  boost::json::value change(const std::string& method, const std::string& path, const boost::json::value& body);

  Options options_;
  GatewayUrl url_;
  std::unique_ptr<HttpConnection> connection_;
};

/// How long an access token lives, by the answer that brought it.
std::int64_t lifetime_of(const boost::json::value& answer);
std::string percent_encoded(const std::string& text);

}  // namespace dbgate::cli
