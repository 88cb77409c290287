#include "gateway/queries/execution.h"

#include <algorithm>
#include <limits>

#include "gateway/queries/column_types.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::queries {
namespace {

namespace frontend = protocol::frontend;
namespace backend = protocol::backend;
using Kind = ports::QueryFailureKind;

constexpr std::size_t max_message_bytes = 16u << 20;
// A cancel that comes while the gateway still waits for a server connection, or judges, is dropped there.
constexpr std::chrono::milliseconds cancel_interval{200};
constexpr std::size_t most_cancels = 25;
constexpr std::chrono::milliseconds cancel_limit{5'000};
constexpr std::chrono::milliseconds longest_hold{30l * 86'400'000};  // beyond what any policy may say

// How values are written: what readers of JSON and files can rely on, whatever the server's defaults are.
const WireClient::Parameters& settings() {
  static const WireClient::Parameters fixed = {{"client_encoding", "UTF8"},
                                               {"application_name", "dbgate-api"},
                                               {"DateStyle", "ISO"},
                                               {"bytea_output", "hex"},
                                               {"extra_float_digits", "1"}};
  return fixed;
}

// The description is flushed before the statement runs, so that columns and query id are known while it does.
std::string extended_query(const ports::QueryRequest& request, std::size_t max_rows) {
  std::string out;
  frontend::Parse{{}, request.sql, {}}.encode(out);
  std::vector<protocol::Value> values;
  for (const auto& parameter : request.parameters) {
    values.push_back(parameter ? protocol::Value(protocol::as_bytes(*parameter)) : protocol::Value());
  }
  std::string storage;
  frontend::Bind bind;
  bind.parameters = protocol::Repeated<protocol::Value>::lay_out(values, storage);
  bind.encode(out);
  frontend::Describe{frontend::NameKind::portal, {}}.encode(out);
  frontend::Flush{}.encode(out);
  // One more than is wanted: whether it comes tells whether rows were left.
  const std::size_t most = std::numeric_limits<std::int32_t>::max();
  frontend::Execute{{}, static_cast<std::int32_t>(std::min(max_rows + 1, most))}.encode(out);
  frontend::Sync{}.encode(out);
  return out;
}

Kind kind_of_refusal(std::string_view code) {
  if (code == sqlstate::invalid_catalog_name.text()) return Kind::no_target;
  if (code == sqlstate::too_many_connections.text()) return Kind::busy;
  if (code == sqlstate::io_error.text()) return Kind::unavailable;
  if (code == sqlstate::insufficient_privilege.text()) return Kind::denied;
  return Kind::upstream;
}

}  // namespace

Execution::Execution(net::Executor executor, Entrance& entrance, std::shared_ptr<const ports::QueryRequest> request,
                     std::size_t max_rows)
    : executor_(std::move(executor)),
      entrance_(entrance),
      request_(std::move(request)),
      max_rows_(max_rows),
      time_out_(executor_,
                [this] {
                  timed_out_ = true;
                  ask_to_end();
                }),
      once_more_(executor_, [this] { send_another_cancel(); }) {}

Execution::~Execution() = default;

// While others think, no time passes: how long they may is for the policy to say.
void Execution::watch_time() {
  const bool held = is_held();
  if (held == held_) return;
  held_ = held;
  const std::chrono::milliseconds limit = held ? longest_hold : request_->timeout;
  time_out_.set(std::chrono::steady_clock::now() + limit);
}

std::string Execution::approval() const {
  const auto asked = note_->asked();
  return asked ? asked->approval : std::string();
}

bool Execution::is_held() const {
  const auto asked = note_->asked();
  return asked && asked->waits && !ended_ && !note_->get();
}

Task<> Execution::begin() {
  time_out_.set(std::chrono::steady_clock::now() + request_->timeout);
  const auto sent = co_await enter_and_send();
  if (!sent) broken(sent.error());
}

Task<Result<>> Execution::enter_and_send() {
  auto stream = entrance_.enter(executor_, *request_, note_);
  if (!stream) {
    const Error why = stream.error();
    const bool unknown = why.code() == sqlstate::invalid_catalog_name;
    fail(unknown ? Kind::no_target : Kind::unsupported, why.code().text(), why.message());
    co_return why;
  }
  client_ = std::make_unique<WireClient>(std::move(*stream), max_message_bytes);
  WireClient::Parameters parameters = {{"user", request_->user}, {"database", request_->target}};
  parameters.insert(parameters.end(), settings().begin(), settings().end());
  if (!request_->waits_for_approval) parameters.emplace_back("dbgate.hold", "refuse");
  if (!request_->reason.empty()) parameters.emplace_back("dbgate.reason", request_->reason);
  const std::string traceparent = traceparent_of(request_->trace);
  if (!traceparent.empty()) parameters.emplace_back("dbgate.traceparent", traceparent);
  DBGATE_CO_CHECK(co_await client_->enter(std::move(parameters)));
  entered_ = true;
  if (cancelled_ || timed_out_) co_return Error(sqlstate::query_canceled, "cancelled");
  std::string messages =
      request_->script ? protocol::encoded(frontend::Query{request_->sql}) : extended_query(*request_, max_rows_);
  DBGATE_CO_CHECK(co_await client_->send(std::move(messages)));
  co_return boost::system::in_place_value;
}

Task<Execution::Step> Execution::next() {
  while (!ended_) {
    const auto message = co_await client_->receive();
    if (!message) co_return broken(message.error());
    watch_time();
    if (const auto step = on_message(*message)) co_return *step;
  }
  co_return Step::end;
}

std::optional<Execution::Step> Execution::on_message(const WireClient::Message& message) {
  switch (message.type) {
    case backend::RowDescription::type:
      if (!take_columns(message.body)) return broken(Error(sqlstate::connection_failure, "an invalid RowDescription"));
      in_result_ = true;
      return Step::columns;
    case backend::NoData::type:
      columns_.clear();
      return Step::columns;
    case backend::DataRow::type:
      if (draining_ || ++rows_ > max_rows_) {
        truncated_ = true;
        return {};
      }
      if (!in_result_ || !take_row(message.body))
        return broken(Error(sqlstate::connection_failure, "an invalid DataRow"));
      return Step::row;
    case backend::CommandComplete::type: {
      const auto complete = backend::CommandComplete::decode(message.body);
      tag_ = complete ? std::string(complete->tag) : std::string();
      if (truncated_) tag_.clear();  // it counts rows that nobody was given
      in_result_ = false;
      return Step::command;
    }
    case backend::PortalSuspended::type:
      truncated_ = true;
      [[fallthrough]];
    case backend::EmptyQueryResponse::type:
      tag_.clear();
      in_result_ = false;
      return Step::command;
    case backend::ErrorResponse::type:
      take_error(message.body);
      return {};
    case backend::NoticeResponse::type: {
      const auto notice = backend::NoticeResponse::decode(message.body);
      if (!notice) return {};
      notice_ = read_message(notice->fields);
      return Step::notice;
    }
    case backend::ReadyForQuery::type:
      return finish();
    case backend::CopyInResponse::type:
    case backend::CopyOutResponse::type:
      fail(Kind::unsupported, sqlstate::feature_not_supported.text(), "COPY has no place in a query of the API");
      return broken(Error(sqlstate::feature_not_supported, "COPY"));
    default:
      return {};  // ParseComplete, BindComplete, ParameterStatus and what else needs no answer
  }
}

bool Execution::take_columns(protocol::Bytes body) {
  const auto description = backend::RowDescription::decode(body);
  if (!description) return false;
  columns_.clear();
  rows_ = 0;
  truncated_ = false;
  for (const backend::ColumnDescription column : description->columns) {
    ports::QueryColumn named{std::string(column.name), std::string(builtin_type_name(column.type_oid)), column.type_oid,
                             column.type_modifier};
    if (named.type.empty()) named.type = entrance_.type_name(request_->target, column.type_oid);
    if (named.type.empty()) named.type = "unknown";
    columns_.push_back(std::move(named));
  }
  return true;
}

bool Execution::take_row(protocol::Bytes body) {
  const auto row = backend::DataRow::decode(body);
  if (!row || row->columns.size() != columns_.size()) return false;
  cells_.clear();
  for (const protocol::Value& value : row->columns) {
    cells_.push_back(value ? std::optional(protocol::as_text(*value)) : std::nullopt);
  }
  return true;
}

void Execution::take_error(protocol::Bytes body) {
  const auto error = backend::ErrorResponse::decode(body);
  if (!error || failure_) return;
  ServerMessage said = read_message(error->fields);
  const auto noted = note_->get();
  const bool denied = noted && noted->decision.effect == "deny" && said.sqlstate == noted->decision.sqlstate;
  ports::QueryFailure failure;
  failure.kind = denied && said.sqlstate == sqlstate::insufficient_privilege.text() ? Kind::denied : Kind::statement;
  // The session was ended, or the gateway or the server is stopping (class 57P).
  if (said.sqlstate.starts_with("57P")) failure.kind = Kind::unavailable;
  if (said.sqlstate == sqlstate::io_error.text()) failure.kind = Kind::unavailable;
  if (said.sqlstate == sqlstate::connection_failure.text()) failure.kind = Kind::upstream;
  if (said.sqlstate == sqlstate::too_many_connections.text()) failure.kind = Kind::busy;
  failure.sqlstate = std::move(said.sqlstate);
  failure.message = std::move(said.message);
  failure.detail = std::move(said.detail);
  failure.hint = std::move(said.hint);
  failure.position = said.position;
  if (denied) failure.decision = noted->decision;
  const auto asked = note_->asked();
  if (asked && !asked->waits && failure.kind == Kind::denied) {
    failure.kind = Kind::approval_required;
    failure.approval = asked->approval;
  }
  failure_ = std::move(failure);
}

// The connection is of no use any more.
Execution::Step Execution::broken(const Error& why) {
  if (!failure_ && client_ && client_->refusal()) {
    const ServerMessage& said = *client_->refusal();
    fail(kind_of_refusal(said.sqlstate), said.sqlstate, said.message);
    failure_->hint = said.hint;
  }
  if (!failure_) {
    const bool large = why.code() == sqlstate::program_limit_exceeded;
    fail(large ? Kind::too_large : Kind::upstream, why.code().text(),
         large ? why.message() : "the connection to the database was lost");
  }
  if (client_) client_->shutdown();
  return finish();
}

Execution::Step Execution::finish() {
  ended_ = true;
  const bool ended_early =
      failure_ && (failure_->sqlstate == sqlstate::query_canceled.text() || failure_->kind == Kind::upstream);
  if (ended_early && cancelled_) {
    fail(Kind::cancelled, sqlstate::query_canceled.text(), "the query was cancelled");
  } else if (ended_early && timed_out_) {
    fail(Kind::timed_out, sqlstate::query_canceled.text(), "the query took longer than it may");
  } else if (ended_early && stopped_) {
    failure_.reset();
  }
  return Step::end;
}

void Execution::fail(Kind kind, std::string_view code, std::string message) {
  failure_.emplace();
  failure_->kind = kind;
  failure_->sqlstate = code;
  failure_->message = std::move(message);
}

void Execution::cancel() {
  cancelled_ = true;
  ask_to_end();
}

void Execution::stop() {
  stopped_ = true;
  truncated_ = true;
  draining_ = true;
  ask_to_end();
}

void Execution::ask_to_end() {
  if (ended_ || cancels_ > 0) return;
  send_another_cancel();
}

void Execution::send_another_cancel() {
  if (ended_ || !client_) return;
  if (!entered_ || ++cancels_ > most_cancels) return client_->shutdown();
  auto stream = entrance_.enter_to_cancel(executor_);
  if (!stream) return client_->shutdown();
  const auto shared = std::make_shared<net::Stream>(std::move(*stream));
  net::run_apart(executor_, [shared, pid = client_->pid(), key = client_->cancel_key()]() -> Task<> {
    co_await send_cancel(std::move(*shared), pid, key, cancel_limit);
  });
  once_more_.set(std::chrono::steady_clock::now() + cancel_interval);
}

}  // namespace dbgate::queries
