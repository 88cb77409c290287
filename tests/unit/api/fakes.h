#pragma once
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <string>

#include "gateway/api/dispatcher.h"
#include "gateway/api/operations.h"

namespace dbgate::api {

/// The gateway behind the API: three targets for everybody.
class FakeGateway final : public ports::GatewayService {
 public:
  std::vector<ports::TargetSummary> targets(std::string_view /*user*/) const override {
    return {{"b", "postgresql", "16.4", {"b", "b2"}, "read", "", {}},
            {"a", "postgresql", "", {"a"}, "write", "", {}},
            {"c", "tcp", "", {}, "read", "", {}}};
  }
  std::vector<ports::TargetSummary> all_targets(std::string_view user) const override {
    std::vector<ports::TargetSummary> all = targets(user);
    all.push_back({"d", "postgresql", "", {"d"}, "none", "production", {{"team", "x"}}});
    return all;
  }
  Task<Result<std::vector<ports::DecisionSummary>>> decide(ports::DecisionQuestion question) override {
    asked = question;
    std::vector<ports::DecisionSummary> decided(question.texts.size());
    for (std::size_t i = 0; i < decided.size(); ++i) {
      const bool held = question.texts[i] == "held";
      decided[i].effect = held ? "hold" : "allow";
      if (held) decided[i].holds = {{"p/risk.hold_at", {"dba"}, {"carl"}, 2}};
    }
    co_return decided;
  }
  Result<> serve_tunnel(ports::TunnelRequest /*request*/, OpenConnection) override {
    return boost::system::in_place_value;
  }
  Task<std::vector<ports::SessionSummary>> sessions() override { co_return std::vector<ports::SessionSummary>(); }
  Task<Result<>> end_session(std::string /*id*/, std::string /*by*/, std::string /*reason*/) override {
    co_return boost::system::in_place_value;
  }

  ports::DecisionQuestion asked;
};

/// Every statement is one that has two rows; "bad" is refused, "slow" does not end.
class FakeQueries final : public ports::QueryService {
 public:
  Task<ports::QuerySummary> run(ports::QueryRequest request, std::chrono::milliseconds wait) override {
    asked = request;
    waited = wait;
    co_return summary_of(request.sql);
  }
  Task<ports::QueryOpened> stream(ports::QueryRequest request) override {
    asked = request;
    ports::QueryOpened opened;
    opened.query = summary_of(request.sql);
    if (!opened.query.failure) opened.stream = std::make_unique<Stream>();
    co_return opened;
  }
  Task<ports::QueryOpened> run_export(ports::ExportRequest request) override {
    exported = request;
    ports::QueryOpened opened;
    opened.stream = std::make_unique<Stream>();
    co_return opened;
  }
  std::optional<ports::QuerySummary> find(const ports::QueryCaller& caller, const std::string& id) override {
    if (id != kept || (caller.user != "ana" && !caller.administrator)) return {};
    return summary_of("SELECT 1");
  }
  Task<bool> still_shown(ports::QueryCaller, std::string) override { co_return shown; }
  std::optional<ports::QueryRows> rows(const ports::QueryCaller& caller, const std::string& id, std::size_t result,
                                       std::size_t from, std::size_t limit) override {
    if (id != kept || caller.user != "ana" || result > 0) return {};
    ports::QueryRows page;
    const std::vector<std::string> all = {"[1]", "[2]", "[3]"};
    for (std::size_t i = from; i < all.size() && page.rows.size() < limit; ++i)
      page.rows.push_back(all[i]);
    page.next = from + page.rows.size();
    page.more = page.next < all.size();
    return page;
  }
  bool cancel(const ports::QueryCaller& caller, const std::string& id) override {
    return id == kept && caller.user == "ana";
  }
  std::optional<ports::QueryRequest> statement(const ports::QueryCaller& caller, const std::string& id) override {
    if (id != kept || caller.user != "ana") return {};
    return original;
  }
  Task<Result<ports::SchemaSummary>> schema(std::string, std::string target) override {
    if (target != "b") co_return Error(sqlstate::invalid_catalog_name, "there is no target");
    ports::SchemaSummary summary;
    summary.target = target;
    summary.schemas.push_back({"public", {{"t", "table", true, false, {{"id", "int4", false, false, ""}}}}, {}});
    co_return summary;
  }

  static constexpr const char* known = "qry_01JD3K7V9QXW8N5T2R4M6P0ABC";
  std::string kept = known;
  bool shown = true;
  ports::QueryFailureKind why = ports::QueryFailureKind::denied;
  ports::QueryRequest original;
  ports::QueryRequest asked;
  ports::ExportRequest exported;
  std::chrono::milliseconds waited{-1};

 private:
  class Stream final : public ports::QueryStream {
   public:
    const std::string& id() const override { return id_; }
    const char* content_type() const override { return "application/x-ndjson"; }
    Task<Result<bool>> next(std::string& chunk) override {
      if (left_ == 0) co_return false;
      chunk += std::to_string(left_--) + "\n";
      co_return true;
    }

   private:
    std::string id_ = known;
    int left_ = 3;
  };

  ports::QuerySummary summary_of(const std::string& sql) {
    ports::QuerySummary query;
    query.id = known;
    query.user = "ana";
    query.target = "b";
    query.created_us = query.started_us = 1'700'000'000'000'000;
    query.state = ports::QueryState::running;
    if (sql == "slow") return query;
    query.ended_us = query.started_us + 5'000;
    query.state = sql == "bad" ? ports::QueryState::failed : ports::QueryState::succeeded;
    query.results.push_back({{{"n", "int4", 23, -1}}, "SELECT 3", 3, false});
    if (sql != "bad") return query;
    query.failure.emplace();
    query.failure->kind = why;
    query.failure->sqlstate = "42501";
    query.failure->message = "permission denied by dbgate policy";
    query.failure->position = 8;
    query.failure->decision.emplace();
    query.failure->decision->effect = "deny";
    query.failure->decision->rule = "default";
    query.failure->decision->reasons = {"no rule allows SELECT"};
    return query;
  }
};

/// One user, "ana", whose password is "right"; her second factor is asked for by "right with factor".
class FakeAccounts final : public ports::AccountService {
 public:
  std::vector<std::string> providers() const override { return {"corp"}; }
  Task<Result<ports::SignInAnswer>> sign_in(ports::PasswordProof proof, ports::Device device) override {
    signed_in_by = device;
    if (store_gone) co_return gone();
    if (busy) co_return Error(sqlstate::too_many_connections, "too many passwords are being checked");
    ports::SignInAnswer answer;
    if (limited) {
      answer.state = ports::SignInState::limited;
      answer.retry_after_s = 17;
    } else if (proof.user == "ana" && proof.password == "right with factor") {
      answer.state = ports::SignInState::second_factor_needed;
      answer.challenge = "the challenge";
    } else if (proof.user == "ana" && proof.password == "right") {
      answer.state = ports::SignInState::signed_in;
      answer.tokens = issued();
    }
    co_return answer;
  }
  Task<Result<ports::SignInAnswer>> answer_challenge(std::string challenge, ports::PasswordProof proof,
                                                     ports::Device /*device*/) override {
    ports::SignInAnswer answer;
    if (challenge != "the challenge" || proof.otp != "123456") co_return answer;
    answer.state = ports::SignInState::signed_in;
    answer.tokens = issued();
    co_return answer;
  }
  Task<Result<ports::IssuedTokens>> refresh(std::string refresh_token, std::string /*address*/) override {
    if (store_gone) co_return gone();
    if (refresh_token != "good") co_return Error(sqlstate::invalid_authorization_specification, "no");
    co_return issued();
  }
  Task<Result<std::string>> start_browser(ports::BrowserSignIn start) override {
    browser = start;
    co_return "https://id.example.com/authorize";
  }
  Task<Result<std::string>> finish_browser(ports::BrowserReturn answer) override {
    if (answer.state != "known") co_return Error(sqlstate::invalid_authorization_specification, "unknown");
    co_return "http://127.0.0.1:1/?code=" + answer.code;
  }
  Task<Result<ports::IssuedTokens>> redeem(ports::CodeGrant grant, ports::Device /*device*/) override {
    if (grant.code != "good") co_return Error(sqlstate::invalid_authorization_specification, "no");
    co_return issued();
  }
  Task<Result<ports::DeviceStart>> start_device(std::string /*provider*/) override {
    co_return ports::DeviceStart{"device", "USER", "https://id.example.com/device", "", 600, 5};
  }
  Task<Result<ports::DeviceAnswer>> poll_device(std::string /*device_code*/, ports::Device /*device*/) override {
    co_return ports::DeviceAnswer{progress, issued()};
  }
  Task<Result<std::string>> jwks() override { co_return R"({"keys":[]})"; }
  Task<Result<>> sign_out(ports::AccountCaller caller, bool all) override {
    signed_out = caller.credential;
    signed_out_all = all;
    co_return boost::system::in_place_value;
  }
  Task<Result<>> change_password(ports::AccountCaller, std::string current, std::string) override {
    if (current != "right") co_return Error(sqlstate::invalid_password, "the current password is wrong");
    co_return boost::system::in_place_value;
  }
  Task<Result<ports::TotpStart>> start_totp(ports::AccountCaller) override {
    co_return ports::TotpStart{"SECRET", "otpauth://totp/x"};
  }
  Task<Result<std::vector<std::string>>> confirm_totp(ports::AccountCaller, std::string) override {
    co_return std::vector<std::string>{"one", "two"};
  }
  Task<Result<>> remove_totp(ports::AccountCaller, ports::PasswordProof) override {
    co_return boost::system::in_place_value;
  }
  Task<Result<ports::store::Listed<ports::store::Login>>> logins(std::string, ports::store::Page) override {
    co_return ports::store::Listed<ports::store::Login>{};
  }
  Task<Result<>> end_login(ports::AccountCaller, std::string id) override {
    co_return Error(sqlstate::undefined_object, "you have no login \"" + id + "\"");
  }
  Task<Result<ports::store::Listed<ports::store::AccessKey>>> tokens(std::string, ports::store::Page page) override {
    ports::store::Listed<ports::store::AccessKey> list;
    for (int number = page.after ? std::stoi(page.after->key) + 1 : 1; number <= 3; ++number) {
      ports::store::AccessKey key;
      key.id = "key_" + std::to_string(number);
      list.items.push_back(key);
      if (list.items.size() == page.limit && number < 3) {
        list.next = ports::store::Cursor{std::to_string(number), key.id};
        break;
      }
    }
    co_return list;
  }
  Task<Result<ports::CreatedToken>> create_token(ports::AccountCaller, ports::NewToken wanted) override {
    ports::CreatedToken made;
    made.secret = "dbg_pat_x";
    made.token.scopes = wanted.scopes;
    co_return made;
  }
  Task<Result<>> revoke_token(ports::AccountCaller, std::string) override { co_return boost::system::in_place_value; }
  Task<Result<ports::store::Listed<ports::store::DatabasePassword>>> database_passwords(std::string,
                                                                                        ports::store::Page) override {
    co_return ports::store::Listed<ports::store::DatabasePassword>{};
  }
  Task<Result<ports::CreatedPassword>> create_database_password(ports::AccountCaller, ports::NewPassword) override {
    ports::CreatedPassword made;
    made.password = "dbg_dp_x";
    co_return made;
  }
  Task<Result<>> revoke_database_password(ports::AccountCaller, std::string) override {
    co_return boost::system::in_place_value;
  }

  static Error gone() { return {sqlstate::connection_failure, "the identity store cannot be reached"}; }
  static ports::IssuedTokens issued() { return {"token:ana", 900, "good", 3600, "ana", false}; }

  bool limited = false, store_gone = false, busy = false, signed_out_all = false;
  std::string signed_out;
  ports::Device signed_in_by;
  ports::BrowserSignIn browser;
  ports::DeviceProgress progress = ports::DeviceProgress::pending;
};

/// One approval, of bob's, that "ana" may decide on and "root" may see.
class FakeApprovals final : public ports::ApprovalService {
 public:
  using View = ports::ApprovalView;
  using State = ports::store::ApprovalState;
  static constexpr const char* known = "apr_01JD3K7V9QXW8N5T2R4M6P0ABC";

  FakeApprovals() {
    approval.id = known;
    approval.revision = 1;
    approval.created_us = approval.updated_us = 1'700'000'000'000'000;
    approval.decide_by_us = approval.created_us + 900'000'000;
    approval.requester = "bob";
    approval.target = approval.database = "b";
    approval.session = "ses_1";
    approval.policy_rule = "all/risk.hold_at";
    approval.rule = {{"analysts"}, {}, 1};
    approval.body = R"({"sql":"DELETE FROM t","operation":"DELETE","risk":{"level":"high"},"plan":"Seq Scan"})";
  }
  Task<Result<ports::store::Listed<View>>> list(ports::Approver who, ports::store::ApprovalFilter filter,
                                                ports::store::Page page) override {
    asked_by = who;
    filtered = filter;
    EXPECT_TRUE(page.descending) << "the latest first";
    ports::store::Listed<View> list;
    const std::size_t from = page.after ? std::stoul(page.after->key) : 0;
    for (std::size_t i = from; i < 3 && list.items.size() < page.limit; ++i)
      list.items.push_back(seen_by(who));
    const std::size_t next = from + list.items.size();
    if (next < 3) list.next = ports::store::Cursor{std::to_string(next), known};
    co_return list;
  }
  Task<Result<View>> find(ports::Approver who, std::string id) override {
    if (!sees(who, id)) co_return nothing();
    co_return seen_by(who);
  }
  Task<Result<View>> decide(ports::Approver who, std::string id, ports::ApprovalDecision decision) override {
    asked_by = who;
    decided = decision;
    if (!sees(who, id)) co_return nothing();
    if (who.user != "ana") co_return Error(sqlstate::insufficient_privilege, "it is not for you to decide");
    if (approval.state != State::pending)
      co_return Error(sqlstate::object_not_in_prerequisite_state, "it has been decided");
    if (decision.revision != 0 && decision.revision != approval.revision)
      co_return Error(sqlstate::serialization_failure, "it has changed");
    approval.votes.push_back({who.user, decision.yes, decision.reason, decision.ticket, approval.created_us});
    move_to(decision.yes ? State::approved : State::denied);
    co_return seen_by(who);
  }
  Task<Result<View>> cancel(ports::Approver who, std::string id) override {
    if (!sees(who, id)) co_return nothing();
    if (who.user != approval.requester) co_return Error(sqlstate::insufficient_privilege, "not yours");
    move_to(State::cancelled);
    co_return seen_by(who);
  }
  Task<Result<View>> wait(ports::Approver who, std::string, State seen, std::int64_t limit_ms) override {
    waited_ms = limit_ms;
    if (approval.state == seen) move_to(State::approved);
    co_return seen_by(who);
  }

  void move_to(State state) {
    approval.state = state;
    ++approval.revision;
  }

  ports::store::Approval approval;
  ports::Approver asked_by;
  ports::store::ApprovalFilter filtered;
  ports::ApprovalDecision decided;
  std::int64_t waited_ms = -1;

 private:
  bool sees(const ports::Approver& who, const std::string& id) const {
    return id == known && (who.user == approval.requester || who.auditor || who.groups.contains("analysts"));
  }
  static Error nothing() { return {sqlstate::no_data, "there is no such approval"}; }
  View seen_by(const ports::Approver& who) const {
    const bool pending = approval.state == State::pending;
    return {approval, pending && who.user == "ana", pending ? 1u : 0u};
  }
};

/// A token is "token:" and the user's name.
/// Knows "ana" and "root", an auditor, both of the group analysts, by the token "token:" and their name.
class FakeAuthenticator final : public Authenticator {
 public:
  Task<Result<Caller>> authenticate(const Request& request) override {
    if (store_gone) co_return Error(sqlstate::connection_failure, "the identity store cannot be reached");
    if (request.bearer != "token:ana" && request.bearer != "token:root")
      co_return Error(sqlstate::invalid_authorization_specification, "the access token is not valid");
    Caller caller;
    caller.user = request.bearer.substr(6);
    caller.token_id = request.bearer;
    caller.credential = credential.empty() ? request.bearer : credential;
    caller.expires = 4'000'000'000;
    caller.groups = {"analysts"};
    caller.scopes = scopes;
    if (caller.user == "root") caller.roles = Role::auditor;
    co_return caller;
  }
  bool store_gone = false;
  std::vector<std::string> scopes;
  std::string credential;
};

/// Keys that never expire.
class FakeIdempotencyKeys : public IdempotencyKeys {
 public:
  Task<Result<IdempotencyClaim>> claim(std::string user, std::string key, std::string request_hash) override {
    const auto [entry, fresh] = entries_.try_emplace({user, key}, Entry{request_hash, {}});
    const auto& [hash, answer] = entry->second;
    if (fresh) co_return IdempotencyClaim{};
    if (hash != request_hash) co_return IdempotencyClaim{IdempotencyClaim::State::other, {}};
    if (!answer) co_return IdempotencyClaim{IdempotencyClaim::State::running, {}};
    co_return IdempotencyClaim{IdempotencyClaim::State::answered, *answer};
  }
  Task<Result<>> answer(std::string user, std::string key, KeptAnswer answer) override {
    entries_[{user, key}].second = std::move(answer);
    co_return boost::system::in_place_value;
  }
  Task<> forget(std::string user, std::string key) override {
    entries_.erase({user, key});
    co_return;
  }

 private:
  using Entry = std::pair<std::string, std::optional<KeptAnswer>>;
  std::map<std::pair<std::string, std::string>, Entry> entries_;
};

/// Everything a dispatcher needs, on an event loop of its own.
struct Stage {
  explicit Stage(std::span<const Operation> table = operations()) : dispatcher(services, table) {}

  /// Runs a coroutine to its end on the stage's loop.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(context, std::move(task), [&result](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result.emplace(std::move(value));
    });
    context.restart();
    context.run();
    return std::move(*result);
  }

  Task<Response> serve(Request& request) {
    auto refused = co_await dispatcher.admit(request);
    if (refused) co_return dispatcher.finish(request, std::move(*refused));
    auto response = co_await dispatcher.handle(request);
    co_return dispatcher.finish(request, std::move(response));
  }
  Response answer(Request request) {
    request.request_id = "req_1";
    if (request.address.empty()) request.address = "192.0.2.1";
    return run(serve(request));
  }
  static Request ask(std::string method, std::string path, std::string user = "ana", std::string body = {}) {
    Request request;
    request.method = std::move(method);
    const std::size_t question = path.find('?');
    request.path = path.substr(0, question);
    if (question != std::string::npos) request.query = path.substr(question + 1);
    if (!user.empty()) request.bearer = "token:" + user;
    request.headers.add("Host", "gw.example");
    if (!body.empty()) request.content_type = "application/json";
    request.body = std::move(body);
    return request;
  }
  Response answer(std::string method, std::string path, std::string user = "ana", std::string body = {}) {
    return answer(ask(std::move(method), std::move(path), std::move(user), std::move(body)));
  }

  boost::asio::io_context context;
  FakeGateway gateway;
  FakeAuthenticator authenticator;
  FakeIdempotencyKeys idempotency;
  EventHub events{context};
  FakeQueries queries;
  FakeAccounts accounts;
  FakeApprovals approvals;
  std::uint64_t per_minute = 0;
  Services services{gateway, authenticator, idempotency,       events,
                    queries, accounts,      Cursors("secret"), [this] { return per_minute; },
                    nullptr, nullptr,       &approvals};
  Dispatcher dispatcher;
};

inline boost::json::object parsed(const Response& response) {
  return boost::json::parse(response.body).as_object();
}
inline std::string code_of(const Response& response) {
  return response.is_problem() ? std::string(parsed(response).at("code").as_string()) : "";
}

}  // namespace dbgate::api
