#include "gateway/session/statement_counts.h"

namespace dbgate::session {
namespace {

using Counted = telemetry::StatementKind;

Counted counted_kind(sql::StatementKind kind) noexcept {
  using sql::StatementKind;
  switch (kind) {
    case StatementKind::select:
    case StatementKind::values:
    case StatementKind::fetch:
    case StatementKind::declare_cursor:
      return Counted::select;
    case StatementKind::insert:
      return Counted::insert;
    case StatementKind::update:
    case StatementKind::merge:
      return Counted::update;
    case StatementKind::delete_:
      return Counted::delete_;
    case StatementKind::ddl:
    case StatementKind::truncate:
      return Counted::ddl;
    case StatementKind::dcl:
      return Counted::dcl;
    case StatementKind::copy_in:
    case StatementKind::copy_out:
      return Counted::copy;
    case StatementKind::begin:
    case StatementKind::commit:
    case StatementKind::rollback:
    case StatementKind::savepoint:
    case StatementKind::release:
    case StatementKind::rollback_to:
    case StatementKind::prepared_transaction:
      return Counted::tx;
    case StatementKind::set:
    case StatementKind::reset:
    case StatementKind::show:
    case StatementKind::discard:
      return Counted::set;
    case StatementKind::call:
    case StatementKind::do_block:
      return Counted::call;
    case StatementKind::explain:
    case StatementKind::close_cursor:
    case StatementKind::prepare:
    case StatementKind::execute:
    case StatementKind::deallocate:
    case StatementKind::lock:
    case StatementKind::listen:
    case StatementKind::unlisten:
    case StatementKind::notify:
    case StatementKind::maintenance:
    case StatementKind::admin:
    case StatementKind::replication:
    case StatementKind::other:
      return Counted::other;
  }
  return Counted::other;
}

// Words of effect_of() and the record's: what could not be read was not let through either.
telemetry::Effect counted_effect(std::string_view effect) noexcept {
  switch (effect.front()) {
    case 'a':
      return telemetry::Effect::allow;
    case 'm':
      return telemetry::Effect::mask;
    case 'l':
      return telemetry::Effect::log_only;
    case 'h':
      return telemetry::Effect::hold;
    default:
      return telemetry::Effect::deny;
  }
}

}  // namespace

telemetry::StatementKind counted_kind(const sql::Script* script) noexcept {
  if (script == nullptr || script->statements.empty()) return Counted::other;
  return counted_kind(script->statements.front().kind);
}

void count_pins(telemetry::TargetCounters& counters, const Pins& reasons) noexcept {
  static_assert(telemetry::pin_reasons.size() == static_cast<std::size_t>(Pin::count_));
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    if (reasons.test(i)) counters.pins[i].add();
  }
}

telemetry::RuleClass rule_class_of(const Judged& judged) noexcept {
  return judged.verdict ? telemetry::rule_class(judged.verdict->rule_id) : telemetry::RuleClass::none;
}

void StatementCounts::decided(const Judged& judged, std::string_view effect, std::string_view protocol,
                              telemetry::RuleClass rule) noexcept {
  const telemetry::Effect counted = counted_effect(effect);
  counters_->statements_of(counted_kind(judged.script.get()), counted).add();
  counters_->policy_decisions[static_cast<std::size_t>(counted)][rule].add();
  if (rule == telemetry::RuleClass::limit) [[unlikely]]
    count_limit(judged.verdict->rule_id);
  if (judged.refused && judged.refusal.code == sqlstate::syntax_error) [[unlikely]] {
    counters_->parse_failures[protocol == "simple" ? telemetry::Protocol::simple : telemetry::Protocol::extended].add();
  }
}

// Of the limits that are about how often somebody comes, and how much at once.
void StatementCounts::count_limit(std::string_view rule) noexcept {
  if (!rule.ends_with(".rate") && !rule.ends_with(".concurrent")) return;
  const bool of_target = rule.starts_with("target/");
  counters_->limited[of_target ? telemetry::LimitScope::target : telemetry::LimitScope::user].add();
}

void StatementCounts::done(const Run& run, std::string_view sqlstate, std::chrono::microseconds took) noexcept {
  if (sqlstate.empty()) return;
  counters_->durations_of(counted_kind(run.script.get())).observe(took);
  if (run.rows_returned > 0) counters_->rows_returned.add(run.rows_returned);
  if (run.masked_columns > 0) counters_->masked_values.add(run.rows_returned * run.masked_columns);
  if (sqlstate != "00000") [[unlikely]]
    counters_->upstream_errors[telemetry::sqlstate_class(sqlstate)].add();
}

}  // namespace dbgate::session
