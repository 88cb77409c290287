#include "gateway/app/query_entrance.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/query.hpp>

#include "gateway/app/explain.h"
#include "gateway/app/schema_outline.h"
#include "gateway/audit/json.h"
#include "gateway/auth/digests.h"
#include "gateway/policy/values.h"
#include "gateway/session/audit_trail.h"
#include "gateway/session/policy_judge.h"

namespace dbgate::app {
namespace {

using sql::Effect;

/// Hands what a session records on to the query that it is for.
class NoteWitness final : public session::Witness {
 public:
  explicit NoteWitness(std::shared_ptr<queries::DecisionNote> note) : note_(std::move(note)) {}
  void decided(const session::Judged& judged, std::string_view query_id) override {
    note_->set({summary_of(judged), std::string(query_id)});
  }
  void asked(std::string_view approval, bool waits) override { note_->ask({std::string(approval), waits}); }

 private:
  const std::shared_ptr<queries::DecisionNote> note_;
};

Error no_such_target(const std::string& name) {
  return {sqlstate::invalid_catalog_name, "there is no target \"" + name + "\" for you"};
}

bool has(const sql::Statement& statement, Effect effect) {
  return statement.effects.test(static_cast<std::size_t>(effect));
}

// Each query has a session of its own: what only changes that session would be lost, and COPY is no query's answer.
bool has_no_place(const sql::Statement& statement) {
  constexpr std::array<Effect, 10> useless = {
      Effect::transaction, Effect::two_phase, Effect::copy_in, Effect::copy_out,   Effect::listen,
      Effect::prepare,     Effect::execute,   Effect::cursor,  Effect::deallocate, Effect::replication};
  return std::any_of(useless.begin(), useless.end(), [&](Effect effect) { return has(statement, effect); });
}

bool reads_only(const sql::Statement& statement) {
  sql::EffectSet others = statement.effects;
  for (const Effect effect : {Effect::read, Effect::show, Effect::explain})
    others.reset(static_cast<std::size_t>(effect));
  return others.none() && statement.unknown.empty();
}

// As Bind sends them: text, of types that the server finds.
session::BoundValues values_of(const ports::QueryRequest& request) {
  session::BoundValues values;
  for (const std::optional<std::string>& given : request.parameters) {
    policy::Argument& argument = values.list.emplace_back();
    argument.null = !given;
    if (given) argument.bytes = *given;
  }
  return values;
}

void add(std::string& said, std::string_view part) {
  said += std::to_string(part.size()) + ':';
  said += part;
}

}  // namespace

queries::TextFacts facts_of(const sql::Script& script) {
  queries::TextFacts facts;
  facts.readable = true;
  facts.statements = script.statements.size();
  facts.reads_only = std::all_of(script.statements.begin(), script.statements.end(), reads_only);
  const auto found = std::find_if(script.statements.begin(), script.statements.end(), has_no_place);
  if (found != script.statements.end()) facts.unsupported = found->tag;
  return facts;
}

Result<net::Stream> QueryEntrance::connect(const net::Executor& executor, session::Arrival arrival) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    return Error(sqlstate::connection_failure, "the gateway is out of file descriptors");
  }
  auto& context = static_cast<boost::asio::io_context&>(boost::asio::query(executor, boost::asio::execution::context));
  net::Stream inside(context, pair[0]);
  next_worker_().serve(OpenConnection(pair[1]), config::EngineKind::postgresql, std::move(arrival));
  return inside;
}

Result<net::Stream> QueryEntrance::enter(const net::Executor& executor, const ports::QueryRequest& request,
                                         std::shared_ptr<queries::DecisionNote> note) {
  const auto snapshot = shared_.current.get();
  std::string on_server;
  const Target* const found = snapshot->find(request.target, on_server);
  if (found == nullptr || !snapshot->grants(request.user, found->settings.name)) {
    return no_such_target(request.target);
  }
  if (found->settings.engine != config::EngineKind::postgresql) {
    return Error(sqlstate::feature_not_supported, "target \"" + request.target + "\" is not a PostgreSQL database");
  }
  session::Arrival arrival;
  arrival.signed_in_user = request.user;
  arrival.by_tunnel = true;
  arrival.signed_in_by = "api";
  arrival.credential.id = request.credential;
  arrival.witness = std::make_shared<NoteWitness>(std::move(note));
  arrival.target = request.target;
  arrival.client.host = request.address;
  return connect(executor, std::move(arrival));
}

// Nobody in particular: the key is what counts.
Result<net::Stream> QueryEntrance::enter_to_cancel(const net::Executor& executor) {
  session::Arrival arrival;
  arrival.by_tunnel = true;
  return connect(executor, std::move(arrival));
}

Task<queries::TextFacts> QueryEntrance::look_at(const std::string& sql) {
  const auto limits = scan_limits(shared_.current.get()->config.limits);
  queries::TextFacts facts;
  co_await net::run_on(shared_.parsers.get_executor(), [&]() -> Task<> {
    const auto analysis = session::analyze_text(sql, limits);
    if (!analysis->refused) facts = facts_of(*analysis->script);
    co_return;
  });
  co_return facts;
}

// Judged as the session will judge it: the text with what its parameters stand for, and what the server is told of the
// user for masks and filters.
Task<std::string> QueryEntrance::standing(const ports::QueryRequest& request) {
  const auto snapshot = shared_.current.get();
  std::string database;
  const Target* const found = snapshot->find(request.target, database);
  if (found == nullptr || !snapshot->grants(request.user, found->settings.name)) co_return std::string();
  const std::string name = found->settings.name;
  const std::int64_t now = session::system_clock_seconds();
  if (!shared_.views.view(request.user, name, database, now).ready) {
    co_await shared_.views.catalog_read(name, database);
  }
  std::string said;
  co_await net::run_on(shared_.parsers.get_executor(), [&]() -> Task<> {
    session::PolicyJudge judge(shared_.views, request.user, name, database, scan_limits(snapshot->config.limits));
    judge.only_asks();
    const session::BoundValues values = values_of(request);
    const session::Judged judged = judge.judge_bound(*judge.analyze(request.sql), &values, {}, {}, 0);
    if (judged.refused) co_return;
    said = session::effect_of(judged);
    add(said, judged.sent ? judged.sent->rewritten : std::string());
    for (const auto& [setting, value] : shared_.views.view(request.user, name, database, now).settings) {
      add(said, setting);
      add(said, value);
    }
    co_return;
  });
  co_return said.empty() ? said : auth::sha256(said);
}

std::string QueryEntrance::type_name(const std::string& target, std::uint32_t oid) const {
  const auto snapshot = shared_.current.get();
  std::string database;
  const Target* const found = snapshot->find(target, database);
  if (found == nullptr) return {};
  const SharedCatalog catalog = shared_.catalogs->current(found->settings.name, database);
  return catalog ? name_of_type(*catalog, oid) : std::string();
}

queries::QueryLimits QueryEntrance::limits() const {
  const config::Limits configured = shared_.current.get()->config.limits;
  queries::QueryLimits limits;
  limits.most_rows = configured.query_rows;
  limits.default_rows = std::min(limits.default_rows, limits.most_rows);
  limits.result_bytes = configured.query_bytes;
  limits.export_rows = configured.export_rows;
  limits.export_bytes = configured.export_bytes;
  limits.timeout = configured.query_timeout;
  return limits;
}

Result<> QueryEntrance::record(const queries::ExportRecord& exported) {
  session::SessionInfo info;
  info.user = exported.user;
  info.auth_method = "api";
  info.target = exported.target;
  info.client.host = exported.address;
  std::string fields = session::audit_fields(info).all;
  audit::append_field(fields, "query_id", exported.audit_id);
  audit::append_field(fields, "export.id", exported.query_id);
  audit::append_field(fields, "export.format", exported.format);
  audit::append_field(fields, "outcome", exported.outcome);
  audit::append_field(fields, "db.response.returned_rows", exported.rows);
  audit::append_field(fields, "bytes", exported.bytes);
  DBGATE_CHECK(chain_.append("export", fields));
  const auto written = chain_.commit();
  if (!written) return written.error();
  return boost::system::in_place_value;
}

void QueryEntrance::tell(ports::Event event) {
  if (shared_.events != nullptr) shared_.events->publish(std::move(event));
}

Task<Result<ports::SchemaSummary>> QueryEntrance::schema(std::string user, std::string target) {
  const auto snapshot = shared_.current.get();
  std::string database;
  const Target* const found = snapshot->find(target, database);
  const auto grants = found == nullptr ? nullptr : snapshot->grants(user, found->settings.name);
  if (!grants) co_return no_such_target(target);
  if (found->settings.engine != config::EngineKind::postgresql) {
    co_return Error(sqlstate::feature_not_supported, "target \"" + target + "\" is not a PostgreSQL database");
  }
  const std::string name = found->settings.name;
  const std::int64_t now = session::system_clock_seconds();
  const CatalogTicket ticket = shared_.catalogs->pending(name, database);
  DBGATE_CO_TRY(const SharedCatalog catalog, co_await shared_.catalogs->fresh(name, database, ticket));
  if (!shared_.views.view(user, name, database, now).ready) co_await shared_.views.catalog_read(name, database);
  ports::SchemaSummary summary;
  co_await net::run_on(shared_.parsers.get_executor(), [&]() -> Task<> {
    session::PolicyJudge judge(shared_.views, user, name, database, scan_limits(snapshot->config.limits));
    judge.only_asks();
    OutlineRules rules;
    rules.ask = [&judge](const std::string& sql) { return judge.judge(*judge.analyze(sql), {}, {}, 0); };
    rules.filtered = [&grants](std::string_view schema, std::string_view relation) {
      return policy::filters(*grants, schema, relation);
    };
    rules.may_write = policy::may_write(*grants);
    summary = outline_of(*catalog, rules);
    co_return;
  });
  summary.target = name;
  summary.database = database;
  co_return summary;
}

}  // namespace dbgate::app
