#include "gateway/session/admin_session.h"

#include "gateway/session/admin_dialogue.h"
#include "gateway/session/login.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/read_buffer.h"

namespace dbgate::session {
namespace {

constexpr std::string_view rule = "builtin/admin-database";
constexpr std::size_t least_room = 4096;
constexpr std::size_t most_unsaid = 64u << 10;
constexpr std::chrono::milliseconds farewell_limit{500};
constexpr std::size_t short_cancel_key = 4;  // protocol 3.0
constexpr std::size_t long_cancel_key = 32;  // protocol 3.2

// What drivers look at when they connect. The version is that of the dialect: some speak otherwise to old servers.
upstream::StartupParameters status_of(const SessionInfo& info, const std::string& version) {
  return {{"application_name", info.application},
          {"client_encoding", "UTF8"},
          {"DateStyle", "ISO, MDY"},
          {"default_transaction_read_only", "off"},
          {"in_hot_standby", "off"},
          {"integer_datetimes", "on"},
          {"IntervalStyle", "postgres"},
          {"is_superuser", "off"},
          {"server_encoding", "UTF8"},
          {"server_version", "15.0 (dbgate " + version + ")"},
          {"session_authorization", info.user},
          {"standard_conforming_strings", "on"},
          {"TimeZone", "GMT"}};
}

std::string tag_of(const AdminJob& job) {
  return job.commands.empty() ? std::string() : job.commands.front().tag;
}

// What the record of a command says.
Judged judged_of(const AdminJob& job) {
  auto script = std::make_shared<sql::Script>();
  sql::Statement statement;
  statement.kind = sql::StatementKind::show;
  statement.tag = tag_of(job);
  if (!statement.tag.empty()) script->statements.push_back(std::move(statement));
  if (job.refusal) return over_limit(*job.refusal, std::move(script), rule);
  policy::Verdict verdict;
  verdict.decision = policy::Decision::allow;
  verdict.rule_id = rule;
  Judged judged;
  judged.script = std::move(script);
  judged.verdict = std::make_shared<const policy::Verdict>(std::move(verdict));
  return judged;
}

/// The dialogue, between a socket and the audit log.
class AdminSession final : public LiveSession {
 public:
  AdminSession(Host& host, net::Stream& client, SessionInfo& info, std::unique_ptr<Trail> trail, AdminDialogue dialogue)
      : host_(host),
        client_(client),
        info_(info),
        trail_(std::move(trail)),
        dialogue_(std::move(dialogue)),
        traffic_(host.counters(info.target).clients) {}

  Task<> run(std::string greeting);
  const SessionInfo& info() const noexcept override { return info_; }
  SessionStatus status() const override;
  void end(const Ending& why, bool gentle) override;

 private:
  Task<bool> read();
  Task<bool> next();
  Task<bool> answer(std::unique_ptr<AdminJob> job);
  Task<bool> write(std::string output);
  bool ending() const noexcept { return farewell_ && (!gentle_ || !dialogue_.in_transaction()); }

  Host& host_;
  net::Stream& client_;
  SessionInfo& info_;
  std::unique_ptr<Trail> trail_;
  AdminDialogue dialogue_;
  telemetry::Traffic& traffic_;
  protocol::ReadBuffer received_;
  std::optional<Ending> farewell_;
  bool gentle_ = true;
  bool busy_ = false;     // with a command
  bool writing_ = false;  // to a client that may not read
  std::chrono::steady_clock::time_point busy_since_{};
  EndReason reason_ = EndReason::terminated;
  std::uint64_t from_client_ = 0;
  std::uint64_t to_client_ = 0;
};

SessionStatus AdminSession::status() const {
  SessionStatus status;
  status.id = info_.id;
  status.client_port = info_.client.port;
  status.statements = trail_->decisions();
  status.from_client = from_client_;
  status.to_client = to_client_;
  if (busy_) {
    status.doing = SessionStatus::Doing::active;
    status.running_since = busy_since_;
  } else if (dialogue_.in_transaction()) {
    status.doing = SessionStatus::Doing::idle_in_transaction;
  }
  return status;
}

void AdminSession::end(const Ending& why, bool gentle) {
  farewell_ = why;
  gentle_ = gentle;
  if (busy_) return;  // another thread has the dialogue; what is next looks here first
  if (writing_) {
    if (!gentle) client_.shutdown();
    return;
  }
  if (ending()) client_.wake();
}

Task<> AdminSession::run(std::string greeting) {
  bool there = co_await write(std::move(greeting));
  while (there && !dialogue_.over()) {
    if (ending()) {
      reason_ = farewell_->reason;
      Refusal why;
      why.code = sqlstate::admin_shutdown;
      why.message = farewell_->message;
      dialogue_.fail(why);
      break;
    }
    there = co_await next();
  }
  if (dialogue_.failed() && reason_ == EndReason::terminated) reason_ = EndReason::protocol_error;
  if (there) {
    const net::Deadline deadline(client_, farewell_limit);
    co_await write(dialogue_.take_output());
  }
  trail_->ended(name_of(reason_), from_client_, to_client_);
}

// Takes one message, or waits for bytes. False: the client has gone.
Task<bool> AdminSession::next() {
  const protocol::Bytes unread = received_.unread();
  const auto header = protocol::decode_header(unread);
  const bool waits = !header && unread.size() < protocol::MessageHeader::bytes;
  if (waits) co_return co_await read();
  Refusal why;
  why.code = sqlstate::protocol_violation;
  why.message = "invalid message length";
  if (!header) {
    dialogue_.fail(why);
    co_return true;
  }
  if (header->body_length > AdminDialogue::most_message_bytes) {
    why.code = sqlstate::program_limit_exceeded;
    why.message =
        "messages to the admin database have at most " + std::to_string(AdminDialogue::most_message_bytes) + " bytes";
    dialogue_.fail(why);
    co_return true;
  }
  const std::size_t whole = protocol::MessageHeader::bytes + header->body_length;
  if (unread.size() < whole) co_return co_await read();
  auto job = dialogue_.take(header->type, unread.subspan(protocol::MessageHeader::bytes, header->body_length));
  received_.consume(whole);
  if (job) co_return co_await answer(std::move(job));
  const bool asked = header->type == 'S' || header->type == 'H' || header->type == 'F';
  if (!asked && dialogue_.unsaid() < most_unsaid) co_return true;
  co_return co_await write(dialogue_.take_output());
}

Task<bool> AdminSession::read() {
  received_.release_if_empty();
  const std::span<std::byte> room = received_.prepare(least_room);
  const net::IoResult got = client_.try_read(room);
  if (got.status == net::IoStatus::want_read) {
    co_await client_.wait_readable();
    co_return true;
  }
  if (got.status == net::IoStatus::want_write) {
    co_await client_.wait_writable();
    co_return true;
  }
  if (got.status != net::IoStatus::ok) {
    reason_ = EndReason::client_gone;
    co_return false;
  }
  received_.commit(got.bytes);
  from_client_ += got.bytes;
  traffic_.received.add(got.bytes);
  co_return true;
}

// Records the command, runs it, records what became of it.
Task<bool> AdminSession::answer(std::unique_ptr<AdminJob> job) {
  busy_ = true;
  busy_since_ = std::chrono::steady_clock::now();
  const Judged judged = judged_of(*job);
  const bool simple = job->kind == AdminJob::Kind::query;
  const auto query_id = trail_->decided(judged, job->text, simple ? "simple" : "extended", job->name);
  Result<> accepted = boost::system::in_place_value;
  if (query_id) accepted = co_await host_.accept_audit();
  if (!query_id || !accepted) {
    reason_ = EndReason::audit_failed;
    dialogue_.fail(audit_refusal());
    co_return true;
  }
  show::Overview overview;
  overview.version = host_.version();
  if (job->needs_overview()) {
    overview = co_await host_.overview();
    co_await host_.run_elsewhere([&] { dialogue_.run(*job, overview); });
  } else {
    dialogue_.run(*job, overview);
  }
  if (!job->refusal) {
    Run run;
    run.query_id = *query_id;
    run.script = judged.script;
    run.started = busy_since_;
    run.rows_returned = job->rows;
    run.tags = job->tags;
    trail_->done(run, job->sqlstate.text());
  }
  busy_ = false;
  co_return co_await write(dialogue_.take_output());
}

Task<bool> AdminSession::write(std::string output) {
  if (output.empty()) co_return true;
  writing_ = true;
  const auto written = co_await client_.write_all(protocol::as_bytes(output));
  writing_ = false;
  if (!written) {
    reason_ = farewell_ ? farewell_->reason : EndReason::client_gone;
    co_return false;
  }
  to_client_ += output.size();
  traffic_.sent.add(output.size());
  co_return true;
}

/// A key of the registry, for as long as it lives.
class CancelKey {
 public:
  CancelKey(CancelRegistry& registry, std::int32_t pid, std::size_t bytes, const std::shared_ptr<CancelPoint>& point)
      : registry_(registry), pid_(pid), text_(registry.enter(pid, bytes, point)) {}
  ~CancelKey() { registry_.leave(pid_, text_); }
  CancelKey(const CancelKey&) = delete;
  CancelKey& operator=(const CancelKey&) = delete;
  const std::string& text() const noexcept { return text_; }

 private:
  CancelRegistry& registry_;
  const std::int32_t pid_;
  const std::string text_;
};

Result<> check(const StartupRequest& request) {
  if (request.replication) {
    return Error(sqlstate::feature_not_supported, "the admin database has nothing to replicate");
  }
  if (!request.settings_to_judge.empty()) {
    return Error(sqlstate::insufficient_privilege,
                 "setting \"" + request.settings_to_judge.front().first + "\" may not be given when connecting",
                 "The admin database has no such setting. Connect without it.");
  }
  return boost::system::in_place_value;
}

}  // namespace

Task<Result<>> serve_admin(Host& host, net::Stream& client, SessionInfo& info, const StartupRequest& request,
                           std::string last_message) {
  info.target = admin_database;
  info.db_system = admin_system;
  DBGATE_CO_TRY(auto trail, host.open_trail(info));
  Result<> admitted = host.may_see_all(info);
  if (admitted) admitted = check(request);
  Result<Seat> seat = Seat();
  if (admitted) seat = host.admit(info.user, info.target);
  if (!admitted || !seat) {
    trail->ended(name_of(admitted ? EndReason::limit : EndReason::denied), 0, 0);
    co_return admitted ? seat.error() : admitted.error();
  }
  const auto status = status_of(info, host.version());
  const std::int32_t pid = host.cancels().next_pid();
  // There is never anything to cancel; the key is there so that nobody looks for it elsewhere.
  const auto cancel = std::make_shared<CancelPoint>(client.executor(), std::make_shared<const upstream::ServerSpec>());
  const CancelKey key(host.cancels(), pid, request.minor_version >= 2 ? long_cancel_key : short_cancel_key, cancel);
  DBGATE_CO_TRY(const std::string greeting, welcome(request, status, pid, key.text()));
  {
    AdminSession session(host, client, info, std::move(trail), AdminDialogue(status));
    host.list_session(session);
    if (const auto why = host.why_out(info)) session.end(*why, false);
    DBGATE_CO_CHECK(co_await host.accept_audit());
    co_await session.run(last_message + greeting);
  }
  co_await client.linger(farewell_limit);
  co_return boost::system::in_place_value;
}

}  // namespace dbgate::session
