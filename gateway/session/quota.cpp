#include "gateway/session/quota.h"

#include <algorithm>
#include <utility>

#include "gateway/policy/catalog_lists.h"

namespace dbgate::session {
namespace {

using sql::Effect;
using sql::StatementKind;

// Statements that end something, or cost the server nothing: refusing them would leave the client stuck.
bool is_free(StatementKind kind) {
  switch (kind) {
    case StatementKind::begin:
    case StatementKind::commit:
    case StatementKind::rollback:
    case StatementKind::savepoint:
    case StatementKind::release:
    case StatementKind::rollback_to:
    case StatementKind::set:
    case StatementKind::reset:
    case StatementKind::show:
    case StatementKind::discard:
    case StatementKind::deallocate:
    case StatementKind::close_cursor:
    case StatementKind::replication:
      return true;
    default:
      return false;
  }
}

bool controls_transactions(const sql::Statement& statement) {
  return statement.effects.test(static_cast<std::size_t>(Effect::transaction)) ||
         statement.effects.test(static_cast<std::size_t>(Effect::two_phase)) || statement.kind == StatementKind::call ||
         statement.kind == StatementKind::do_block || statement.kind == StatementKind::other;
}

bool returns_rows(const sql::Statement& statement) {
  switch (statement.kind) {
    case StatementKind::select:
    case StatementKind::values:
    case StatementKind::copy_out:
    case StatementKind::explain:
    case StatementKind::fetch:
    case StatementKind::execute:
    case StatementKind::other:
      return true;
    default:
      return statement.returning;
  }
}

bool only_computes(const sql::FunctionUse& use) {
  if (use.sets) return false;
  if (use.form != sql::FunctionForm::call && use.form != sql::FunctionForm::procedure) return true;
  if (!use.name.schema.empty() && use.name.schema != "pg_catalog") return false;
  return policy::is_safe_function(use.name.name) || policy::is_harmless_function(use.name.name) ||
         policy::is_introspection_function(use.name.name);
}

bool only_reads(const sql::Statement& statement) {
  sql::EffectSet other = statement.effects;
  for (const Effect effect : {Effect::read, Effect::copy_out, Effect::cursor, Effect::show, Effect::explain})
    other.reset(static_cast<std::size_t>(effect));
  return other.none() && statement.unknown.empty() &&
         std::all_of(statement.functions.begin(), statement.functions.end(), only_computes);
}

std::string seconds_text(std::chrono::nanoseconds time) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  if (ms < 1'000) return std::to_string(ms) + "ms";
  std::string text = std::to_string(ms / 1'000);
  const std::string rest = std::to_string(ms % 1'000);
  if (ms % 1'000 != 0) text += "." + std::string(3 - rest.size(), '0') + rest;
  return text + "s";
}

std::string rate_text(const config::Rate& rate) {
  const char* const unit = rate.per == std::chrono::seconds(1)   ? "/s"
                           : rate.per == std::chrono::minutes(1) ? "/m"
                                                                 : "/h";
  return std::to_string(rate.count) + unit;
}

template <class T>
OverLimit over(const policy::Limit<T>& limit, SqlState code, std::string message, std::string hint) {
  OverLimit result;
  result.rule = limit.rule;
  result.refusal.code = code;
  result.refusal.message = std::move(message);
  result.refusal.detail =
      "The limit " + limit.rule.substr(limit.rule.find("/limits.") + 8) + " is set by " + limit.by + ".";
  result.refusal.hint = std::move(hint);
  return result;
}

OverLimit too_fast(const policy::Limit<config::Rate>& limit, std::chrono::nanoseconds wait) {
  return over(limit, sqlstate::configuration_limit_exceeded,
              "more statements than the limit of " + rate_text(limit.value) + " by dbgate policy",
              "Try again in " + seconds_text(wait) + ".");
}

OverLimit no_place(const policy::Limit<std::size_t>& limit) {
  return over(limit, sqlstate::too_many_connections,
              "more statements at once than the limit of " + std::to_string(limit.value) + " by dbgate policy",
              "Try again when another statement has ended.");
}

constexpr const char* ask = " If you need more, ask who keeps the policy.";

}  // namespace

bool controls_transactions(const sql::Script& script) {
  return std::any_of(script.statements.begin(), script.statements.end(),
                     [](const sql::Statement& statement) { return controls_transactions(statement); });
}

LimitTraits limit_traits(const sql::Script& script) {
  LimitTraits traits;
  for (const sql::Statement& statement : script.statements) {
    traits.cost += is_free(statement.kind) ? 0 : 1;
    if (statement.kind == StatementKind::replication) continue;
    traits.returns_rows = traits.returns_rows || returns_rows(statement);
    traits.only_reads = traits.only_reads && only_reads(statement);
    traits.controls_transactions = traits.controls_transactions || controls_transactions(statement);
    traits.copies_in = traits.copies_in || statement.kind == StatementKind::copy_in;
  }
  return traits;
}

OverLimit too_many_rows(const policy::LimitSet& limits) {
  const std::string most = std::to_string(limits.rows.value);
  return over(limits.rows, sqlstate::program_limit_exceeded,
              "result has more rows than the limit of " + most + " by dbgate policy",
              "Add LIMIT " + most + ", or a narrower WHERE." + ask);
}

OverLimit too_many_bytes(const policy::LimitSet& limits) {
  return over(limits.bytes, sqlstate::program_limit_exceeded,
              "result is larger than the limit of " + std::to_string(limits.bytes.value) + " bytes by dbgate policy",
              std::string("Ask for fewer rows or columns.") + ask);
}

OverLimit too_slow(const policy::LimitSet& limits) {
  return over(
      limits.statement_timeout, sqlstate::query_canceled,
      "canceling statement after the limit of " + seconds_text(limits.statement_timeout.value) + " by dbgate policy",
      std::string("Make the statement do less.") + ask);
}

OverLimit too_long_idle(const policy::LimitSet& limits) {
  return over(limits.idle_in_transaction, sqlstate::idle_in_transaction_session_timeout,
              "terminating connection after " + seconds_text(limits.idle_in_transaction.value) +
                  " idle in a transaction, the limit by dbgate policy",
              "The transaction was rolled back. Commit or roll back before waiting.");
}

Quota::~Quota() {
  give_places_back();
}

void Quota::refresh() {
  if (limiter_ == nullptr) return;
  const auto& now = limiter_->current();
  if (now != limits_) limits_ = now;
}

std::optional<OverLimit> Quota::check_size(std::size_t bytes) const {
  if (!limits_ || !limits_->statement_bytes.set() || bytes <= limits_->statement_bytes.value) return std::nullopt;
  return over(limits_->statement_bytes, sqlstate::program_limit_exceeded,
              "statement of " + std::to_string(bytes) + " bytes exceeds the limit of " +
                  std::to_string(limits_->statement_bytes.value) + " bytes by dbgate policy",
              "Send large data as bind parameters or by COPY.");
}

std::optional<OverLimit> Quota::admit(std::size_t tokens) {
  if (!limits_) return std::nullopt;
  if (admitted_ == 0) {
    if (auto refused = take_places()) return refused;
  }
  if (auto refused = take_tokens(tokens)) {
    if (admitted_ == 0) give_places_back();
    return refused;
  }
  ++admitted_;
  return std::nullopt;
}

std::optional<OverLimit> Quota::take_places() {
  if (limits_->concurrent.set()) {
    if (!limiter_->of_principal().running.begin(limits_->concurrent.value)) return no_place(limits_->concurrent);
    place_of_principal_ = true;
  }
  if (limits_->target_concurrent.set()) {
    if (!limiter_->of_target().running.begin(limits_->target_concurrent.value)) {
      give_places_back();
      return no_place(limits_->target_concurrent);
    }
    place_of_target_ = true;
  }
  return std::nullopt;
}

std::optional<OverLimit> Quota::take_tokens(std::size_t tokens) {
  using std::chrono::nanoseconds;
  if (tokens == 0) return std::nullopt;
  const auto& of_principal = limits_->rate;
  const auto& of_target = limits_->target_rate;
  if (of_principal.set()) {
    const nanoseconds wait = limiter_->of_principal().bucket.take(of_principal.value, tokens, now());
    if (wait > nanoseconds::zero()) return too_fast(of_principal, wait);
  }
  if (of_target.set()) {
    const nanoseconds wait = limiter_->of_target().bucket.take(of_target.value, tokens, now());
    if (wait > nanoseconds::zero()) {
      if (of_principal.set()) limiter_->of_principal().bucket.give_back(of_principal.value, tokens);
      return too_fast(of_target, wait);
    }
  }
  return std::nullopt;
}

void Quota::leave() {
  if (--admitted_ == 0) give_places_back();
}

void Quota::give_places_back() {
  if (std::exchange(place_of_principal_, false)) limiter_->of_principal().running.end();
  if (std::exchange(place_of_target_, false)) limiter_->of_target().running.end();
}

}  // namespace dbgate::session
