#include "gateway/session/policy_judge.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "gateway/policy/suggest.h"
#include "gateway/rewrite/rewrite.h"
#include "gateway/session/hold.h"
#include "gateway/session/meaning_watch.h"
#include "gateway/session/replies.h"
#include "gateway/sql/analyze.h"

namespace dbgate::session {
namespace {

// By its first word, as the server tells: keywords of its replication grammar, in upper case (PostgreSQL docs ch. 55.4,
// repl_scanner.l).
bool is_replication_command(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\n\r\f");
  if (start == std::string_view::npos) return false;
  const std::string_view rest = text.substr(start);
  const std::string_view word =
      rest.substr(0, rest.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"));
  constexpr std::string_view commands[] = {"IDENTIFY_SYSTEM",
                                           "READ_REPLICATION_SLOT",
                                           "CREATE_REPLICATION_SLOT",
                                           "DROP_REPLICATION_SLOT",
                                           "START_REPLICATION",
                                           "TIMELINE_HISTORY",
                                           "BASE_BACKUP",
                                           "SHOW"};
  return std::find(std::begin(commands), std::end(commands), word) != std::end(commands);
}

// A text that cannot be read is never sent: the server may understand it in a way that nobody has judged. On a newer
// server the mistake need not be the user's.
std::string newer_syntax_hint(const std::string& server_version) {
  const int server = std::atoi(server_version.c_str());
  if (server <= sql::grammar_version()) return {};
  return "dbgate reads statements by the grammar of PostgreSQL " + std::to_string(sql::grammar_version()) +
         " and the server is PostgreSQL " + std::to_string(server) +
         ": if this is newer syntax, dbgate does not know it and has not sent it.";
}

void add_hint(Refusal& refusal, const std::string& hint) {
  if (hint.empty()) return;
  if (!refusal.hint.empty()) refusal.hint += ' ';
  refusal.hint += hint;
}

// The EXECUTE in a statement: itself, or inside EXPLAIN or CREATE TABLE AS. Null if there is none.
const sql::Statement* execute_in(const sql::Statement& statement) {
  for (const sql::Statement* at = &statement; at != nullptr; at = at->inner.get()) {
    if (at->kind == sql::StatementKind::execute) return at;
  }
  return nullptr;
}

// A definition of the name earlier in the same text: PREPARE p AS …; EXECUTE p.
const sql::Statement* defined_before(const sql::Script& script, std::size_t index, const std::string& name) {
  for (std::size_t i = index; i-- > 0;) {
    const sql::Statement& earlier = script.statements[i];
    if (earlier.kind == sql::StatementKind::prepare && earlier.name == name) return &earlier;
  }
  return nullptr;
}

bool names_objects(const sql::Script& script) {
  return std::any_of(script.statements.begin(), script.statements.end(), [](const sql::Statement& statement) {
    return !statement.relations.empty() || !statement.functions.empty() || !statement.objects.empty();
  });
}

policy::Verdict hidden_plan() {
  policy::Verdict verdict;
  verdict.rule_id = "masks and filters";
  verdict.message = "permission denied by dbgate policy: plans over masked or filtered tables are not shown";
  verdict.reasons.push_back("EXPLAIN of what is masked or filtered");
  return verdict;
}

void note_row_cap(Judged& judged, std::size_t index, const policy::Verdict& verdict) {
  if (verdict.max_rows == 0) return;
  judged.row_caps.resize(index + 1);
  judged.row_caps[index] = {verdict.max_rows, verdict.max_rows_rule};
}

// A type that cannot be told is one that nothing compares with.
std::uint32_t declared_type(std::size_t parameter, const std::vector<std::uint32_t>& types,
                            const sql::Statement& prepared, const catalog::Resolver* resolver) {
  constexpr std::uint32_t no_type = UINT32_MAX;
  if (parameter < types.size()) return types[parameter];
  if (!prepared.values || parameter >= prepared.values->parameter_types.size()) return 0;
  const sql::Operand& written = prepared.values->parameter_types[parameter];
  const catalog::Type* const type =
      resolver == nullptr ? nullptr : resolver->type({"", written.cast_schema, written.cast_type});
  if (type == nullptr || !written.cast) return no_type;
  return written.cast_to_array ? (type->array == 0 ? no_type : type->array) : type->oid;
}

// EXPLAIN EXECUTE is the EXPLAIN of what was prepared, by rules that look at how rows are counted or what plans tell.
sql::Statement explained(const sql::Statement& prepared) {
  sql::Statement explain = prepared;
  explain.kind = sql::StatementKind::explain;
  explain.inner = std::make_shared<const sql::Statement>(prepared);
  return explain;
}

std::uint64_t next_view() noexcept {
  thread_local std::uint64_t views = 0;
  return ++views;
}

// What ends a transaction, or says what the session is like.
bool leads_back(const sql::Script& script) {
  using enum sql::StatementKind;
  static constexpr sql::StatementKind all[] = {begin, commit, rollback, savepoint,  release,      rollback_to,
                                               set,   reset,  discard,  deallocate, close_cursor, unlisten};
  return std::all_of(script.statements.begin(), script.statements.end(), [](const sql::Statement& statement) {
    return std::find(std::begin(all), std::end(all), statement.kind) != std::end(all);
  });
}

policy::Verdict strayed(const std::string& setting) {
  policy::Verdict verdict;
  verdict.rule_id = "builtin/settings";
  verdict.message =
      "permission denied by dbgate policy: the " + setting + " of this session is one that you may not set now";
  verdict.hint = "RESET " + setting + ", or connect again.";
  verdict.reasons.push_back(setting + " was set under other rules");
  return verdict;
}

policy::Verdict unread_catalog() {
  policy::Verdict verdict;
  verdict.rule_id = "builtin/catalog";
  verdict.message = "permission denied by dbgate policy: the catalog of the target cannot be read at the moment";
  verdict.hint = "Try again; if it stays so, an administrator finds the reason in dbgate's log.";
  verdict.reasons.push_back("no current catalog");
  return verdict;
}

}  // namespace

bool may_wait(const sql::Statement& statement) {
  using enum sql::StatementKind;
  switch (statement.kind) {
    case begin:
    case commit:
    case rollback:
    case savepoint:
    case release:
    case rollback_to:
    case prepared_transaction:
    case prepare:
    case deallocate:
    case fetch:
    case close_cursor:
    case reset:
    case discard:
    case unlisten:
      return false;
    default:
      return true;
  }
}

std::string_view effect_of(const Judged& judged) {
  if (judged.refused) return judged.refusal.code == sqlstate::insufficient_privilege ? "deny" : "error";
  const bool observed = judged.verdict && judged.verdict->decision == policy::Decision::log_only;
  if (observed) return "log_only";
  const bool held = judged.verdict && judged.verdict->decision == policy::Decision::hold;
  if (held && !judged.agreement) return "hold";
  return judged.sent && !judged.sent->rewritten.empty() ? "mask" : "allow";
}

std::int64_t system_clock_seconds() noexcept {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::floor<std::chrono::seconds>(since).count();
}

PolicyJudge::PolicyJudge(const PolicySource& source, std::string user, std::string target, std::string database,
                         const sql::ScanLimits& limits, const std::string& server_version,
                         std::optional<ServerSettings> given, Clock clock, VerdictCache* cache)
    : source_(source),
      newer_syntax_hint_(newer_syntax_hint(server_version)),
      user_(std::move(user)),
      target_(std::move(target)),
      database_(std::move(database)),
      limits_(limits),
      given_(std::move(given)),
      clock_(std::move(clock)),
      view_(source.view(user_, target_, database_, clock_())),
      views_(next_view()),
      cache_(cache) {}

void PolicyJudge::see(const LockWatch& locks, const policy::MovedNames* moved) {
  seen_ = locks;
  if (moved != nullptr) {
    moved_seen_ = *moved;
  } else if (moved_seen_.any()) {
    moved_seen_ = {};
  }
}

// Who may do everything means whatever the server makes of it.
void PolicyJudge::let_names_move() {
  const bool counts = moved_then_.any() && view_.grants && !policy::is_unrestricted(*view_.grants);
  view_.names.moved = counts ? &moved_then_ : nullptr;
}

const PolicyView& PolicyJudge::view() {
  const bool timed = view_.until != INT64_MAX;
  const std::int64_t now = timed ? clock_() : 0;
  if (view_.version == source_.version() && (!timed || (now >= view_.from && now < view_.until))) return view_;
  view_ = source_.view(user_, target_, database_, clock_());
  views_ = next_view();
  let_names_move();
  return view_;
}

Judged PolicyJudge::judge_bound(const Analysis& analysis, const BoundValues* values, const Names& statements,
                                const Names& portals, Segment now) {
  if (evaluations_ == nullptr) return evaluate(analysis, values, statements, portals, now);
  const auto begun = std::chrono::steady_clock::now();
  Judged judged = evaluate(analysis, values, statements, portals, now);
  evaluations_->observe(std::chrono::steady_clock::now() - begun);
  return judged;
}

Judged PolicyJudge::evaluate(const Analysis& analysis, const BoundValues* values, const Names& statements,
                             const Names& portals, Segment now) {
  const PolicyView& policy = view();
  Judged judged;
  judged.script = analysis.script;
  judged.judged_by = views_;
  policy::Verdict total;
  total.decision = policy::Decision::allow;
  total.rule_id = "builtin/empty";
  if (analysis.refused) {
    judged.refused = true;
    judged.refusal = analysis.refusal;
    if (analysis.refusal.code == sqlstate::syntax_error) add_hint(judged.refusal, newer_syntax_hint_);
    total.decision = policy::Decision::deny;
    total.rule_id = "builtin/syntax";
    total.reasons.push_back(std::string(analysis.refusal.code.text()));
  } else if (!policy.grants) {
    total.decision = policy::Decision::deny;
    total.rule_id = "default";
    total.message = "permission denied by dbgate policy: access to this target was revoked";
    judged.refused = true;
    judged.refusal = denial(total);
  } else {
    const sql::Script& script = *analysis.script;
    then_ = seen_;
    if (moved_then_.any() || moved_seen_.any()) moved_then_ = moved_seen_;
    let_names_move();
    if (!policy.ready && names_objects(script)) {
      total = unread_catalog();
      judged.refused = true;
      judged.refusal = denial(total);
    }
    if (!strays_.empty() && !judged.refused && !leads_back(script)) {
      total = strayed(std::string(strays_));
      judged.refused = true;
      judged.refusal = denial(total);
    }
    for (std::size_t i = 0; i < script.statements.size() && !judged.refused; ++i) {
      policy::Verdict one = decide_named(script.statements[i], values, script, i, statements, portals, now, judged);
      note_row_cap(judged, i, one);
      then_.follow(script.statements[i]);
      if (i + 1 < script.statements.size()) moved_then_.follow(script.statements[i]);
      let_names_move();
      total = i == 0 ? std::move(one) : policy::stricter(std::move(total), std::move(one));
      if (judged.wait) return judged;
      if (!total.passes() && !judged.refused) {
        if (!total.risk.denies) total.suggestion = suggestion_for(script.statements[i], analysis);
        if (!total.suggestion.empty()) total.hint = "This passes: " + total.suggestion;
        judged.refused = true;
        judged.refusal = denial(total);
      }
    }
  }
  if (!judged.refused && rewrites()) rewrite_into(analysis, total, judged);
  if (judged.refused) judged.advice = nullptr;
  if (!judged.refused && policy.grants && policy::commit_gate(*policy.grants)) {
    gate(policy::commit_gate(*policy.grants), total, judged);
  }
  count(judged, total);
  judged.verdict = std::make_shared<const policy::Verdict>(std::move(total));
  if (policy.tracks && !judged.refused) track(judged);
  if (policy.passes_on && !judged.refused) judged.residue = residue_of(*judged.script);
  return judged;
}

// What is allowed runs with masks and filters, or not at all.
void PolicyJudge::rewrite_into(const Analysis& analysis, policy::Verdict& verdict, Judged& judged) {
  const bool unknown_text = analysis.text.empty() && !analysis.script->statements.empty();
  if (unknown_text) return;  // of a cursor or prepared statement: stands() says whether it may go on
  rewrite::Outcome outcome = rewrite::rewrite(analysis.text, *analysis.script, *view_.grants, view_.names, limits_);
  const bool touches = !outcome.text.empty();
  if (outcome.denied.empty() && touches && !server_knows_enough()) {
    outcome.denied = "what the server was told of you when you connected has changed";
    outcome.hint = "Connect again.";
    outcome.rule_id = "masks and filters";
  }
  if (!outcome.denied.empty()) {
    return refuse(std::move(outcome.denied), std::move(outcome.hint), std::move(outcome.rule_id), verdict, judged);
  }
  verdict.masked = std::move(outcome.masked);
  judged.sent =
      std::make_shared<const Sent>(Sent{analysis.text, std::move(outcome.text), std::move(outcome.origins), views_});
}

void PolicyJudge::refuse(std::string why, std::string hint, std::string rule_id, policy::Verdict& verdict,
                         Judged& judged) {
  verdict.decision = policy::Decision::deny;
  verdict.rule_id = std::move(rule_id);
  verdict.message = "permission denied by dbgate policy: " + why;
  verdict.hint = std::move(hint);
  verdict.reasons.push_back(std::move(why));
  judged.refused = true;
  judged.refusal = denial(verdict);
}

// A text that the server holds, and another that it would be given for it now, are two: the old one must not run.
bool PolicyJudge::stands(const Prepared& prepared) {
  if (!rewrites()) return true;
  if (!prepared.sent) return false;
  if (prepared.sent->judged_by == views_ && view_.names.moved == nullptr) return true;
  return is_sent_as_then(*prepared.sent) && (prepared.sent->rewritten.empty() || server_knows_enough());
}

bool PolicyJudge::is_sent_as_then(const Sent& sent) const {
  const auto analysis = analyze(sent.text);
  if (analysis->refused) return false;
  const rewrite::Outcome outcome =
      rewrite::rewrite(analysis->text, *analysis->script, *view_.grants, view_.names, limits_);
  return outcome.denied.empty() && outcome.text == sent.rewritten;
}

// EXPLAIN EXECUTE would show the plan with masks and filters in it.
bool PolicyJudge::explains_hidden(const sql::Statement& statement, const sql::Statement* earlier,
                                  const Prepared* named) const {
  if (statement.kind != sql::StatementKind::explain || !policy::hides(*view_.grants)) return false;
  if (earlier != nullptr) {
    const policy::Treatments treatments = policy::treat(*view_.grants, *earlier, view_.names);
    return !treatments.list.empty() || !treatments.views.empty();
  }
  return named != nullptr && named->sent && !named->sent->rewritten.empty();
}

std::string PolicyJudge::suggestion_for(const sql::Statement& denied, const Analysis& analysis) const {
  if (analysis.text.empty()) return {};
  const std::string_view text = std::string_view(analysis.text).substr(denied.begin, denied.length);
  return policy::suggest(*view_.grants, denied, text, view_.names);
}

// One statement, together with what EXECUTE and FETCH name: that was judged when it was defined, and is judged again
// now, because policies may have changed since.
policy::Verdict PolicyJudge::decide_named(const sql::Statement& statement, const BoundValues* values,
                                          const sql::Script& script, std::size_t index, const Names& statements,
                                          const Names& portals, Segment now, Judged& judged) {
  // Its parameters are EXECUTE's to fill; where Bind names what it has prepared, there are values.
  const bool prepares = statement.kind == sql::StatementKind::prepare && (values == nullptr || values->list.empty());
  policy::Verdict verdict = policy::decide(*view_.grants, statement, view_.names, prepares ? nullptr : values);
  if (!verdict.passes()) return verdict;
  const bool waits = may_wait(statement);
  weigh(statement, script.statements.size(), verdict, waits ? &judged : nullptr);
  if (!verdict.passes()) return verdict;
  if (!waits) verdict.let_go();
  if (prepares) verdict.looks_at_values = false;
  Names::Lookup named;
  bool must_exist = false;
  if (const sql::Statement* execute = execute_in(statement)) {
    if (const sql::Statement* earlier = defined_before(script, index, execute->name)) {
      if (explains_hidden(statement, earlier, nullptr)) return hidden_plan();
      policy::Verdict of_earlier = decide_executed(*earlier, {}, statement);
      if (of_earlier.passes()) weigh(*earlier, 1, of_earlier, &judged);
      return policy::stricter(std::move(verdict), std::move(of_earlier));
    }
    named = statements.find(execute->name, now);
    must_exist = !policy::is_unrestricted(*view_.grants);
    if (named.state == Names::State::absent && must_exist) {
      judged.refused = true;
      judged.refusal = unknown_statement(execute->name);
      return verdict;
    }
  } else if (statement.kind == sql::StatementKind::fetch) {
    named = portals.find(statement.name, now);
  } else {
    return verdict;
  }
  if (named.state == Names::State::wait) {
    judged.wait = true;
    return verdict;
  }
  if (named.state != Names::State::found) return verdict;
  if (explains_hidden(statement, nullptr, named.definition.get())) return hidden_plan();
  const Prepared& definition = *named.definition;
  if (!stands(definition)) {
    judged.refused = true;
    judged.refusal = outdated_statement();
    return verdict;
  }
  for (const sql::Statement& inner : definition.script->statements) {
    static const BoundValues nothing;
    const BoundValues* const bound = definition.bound ? definition.bound.get() : &nothing;
    policy::Verdict of_inner = statement.kind == sql::StatementKind::fetch
                                   ? policy::decide(*view_.grants, inner, view_.names, bound)
                                   : decide_executed(inner, definition.parameter_types, statement);
    const bool fetches = statement.kind == sql::StatementKind::fetch;
    Judged asked;
    if (of_inner.passes()) weigh(inner, 1, of_inner, fetches ? &asked : &judged);
    if (fetches && of_inner.passes() && !definition.sql_cursor && !only_reads(*definition.script, of_inner, asked)) {
      judged.refused = true;
      judged.refusal = fetch_from_portal(statement.name);
      return verdict;
    }
    // Rows of a cursor were agreed to, and asked about, when it was opened.
    if (fetches) of_inner.let_go();
    verdict = policy::stricter(std::move(verdict), std::move(of_inner));
    if (!verdict.passes()) return verdict;
  }
  return verdict;
}

// What EXECUTE gives to the parameters counts, by the types that PREPARE or Parse declared.
policy::Verdict PolicyJudge::decide_executed(const sql::Statement& prepared, const std::vector<std::uint32_t>& types,
                                             const sql::Statement& execute) const {
  BoundValues values;
  if (execute.values) {
    for (const sql::Operand& operand : execute.values->arguments)
      values.list.emplace_back().constant = operand;
  }
  for (std::size_t i = 0; i < values.list.size(); ++i)
    values.list[i].type = declared_type(i, types, prepared, view_.resolver.get());
  if (execute.kind == sql::StatementKind::explain)
    return policy::decide(*view_.grants, explained(prepared), view_.names, &values);
  return policy::decide(*view_.grants, prepared, view_.names, &values);
}

std::string PolicyJudge::digest_of_hold(const policy::Hold& hold, std::string_view text, std::string_view values) {
  const std::string given = given_ ? meaning_of(*given_) : std::string();
  return digest_of({user_, target_, database_}, hold, text, std::string(values) + given);
}

Judged PolicyJudge::verdict_only(policy::Verdict verdict, sql::StatementKind kind, const char* tag) {
  Judged judged;
  sql::Script script;
  script.statements.emplace_back().kind = kind;
  script.statements.back().tag = tag;
  judged.script = std::make_shared<const sql::Script>(std::move(script));
  judged.judged_by = views_;
  judged.refused = !verdict.allowed();
  if (judged.refused) judged.refusal = denial(verdict);
  judged.verdict = std::make_shared<const policy::Verdict>(std::move(verdict));
  return judged;
}

bool PolicyJudge::may_hear(const std::string& channel) {
  const PolicyView& policy = view();
  if (!policy.grants || policy::is_unrestricted(*policy.grants)) return policy.grants != nullptr;
  sql::Statement listen;
  listen.kind = sql::StatementKind::listen;
  listen.tag = "LISTEN";
  listen.effects.set(static_cast<std::size_t>(sql::Effect::listen));
  listen.name = channel;
  return policy::decide(*policy.grants, listen, policy.names).passes();
}

Judged PolicyJudge::judge_function_call() {
  const PolicyView& policy = view();
  const bool shown = policy.grants && policy::commit_gate(*policy.grants);
  policy::Verdict verdict = policy.grants && !shown ? policy::decide_function_call(*policy.grants) : policy::Verdict{};
  if (shown) verdict.message = "permission denied by dbgate policy: changes need approval before they are committed";
  return verdict_only(std::move(verdict), sql::StatementKind::call, "FUNCTION CALL");
}

Judged PolicyJudge::judge_connection() {
  const PolicyView& policy = view();
  policy::Verdict verdict = policy.grants ? policy::decide_connection(*policy.grants) : policy::Verdict{};
  return verdict_only(std::move(verdict), sql::StatementKind::other, "CONNECT");
}

// Everything else that a replication connection sends is SQL and judged as such.
Judged PolicyJudge::judge_replication(std::string_view text) {
  if (!is_replication_command(text)) return {};
  const PolicyView& policy = view();
  const bool shown = policy.grants && policy::commit_gate(*policy.grants);
  policy::Verdict verdict = policy.grants && !shown ? policy::decide_replication(*policy.grants) : policy::Verdict{};
  if (shown) verdict.message = "permission denied by dbgate policy: changes need approval before they are committed";
  return verdict_only(std::move(verdict), sql::StatementKind::replication, "REPLICATION");
}

}  // namespace dbgate::session
