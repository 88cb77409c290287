#include "gateway/policy/confine.h"

#include <algorithm>

#include "gateway/policy/gathers.h"

namespace dbgate::policy {
namespace {

using sql::Effect;
using sql::Operand;
using State = Held::State;

bool has(const sql::EffectSet& effects, Effect effect) {
  return effects.test(static_cast<std::size_t>(effect));
}

/// Of things that must all hold.
State both(State a, State b) {
  return std::max(a, b);
}

std::string needs(const Confinement& rule) {
  return "needs " + rule.column + " = " +
         (rule.attribute.empty() ? "the value of the rule" : "your attribute " + rule.attribute);
}

}  // namespace

bool is_change(Effect effect) {
  return effect == Effect::insert || effect == Effect::update || effect == Effect::delete_ || effect == Effect::merge ||
         effect == Effect::truncate || effect == Effect::copy_in;
}

Held ValueJudge::check(const Requirements& needed, std::size_t index, const sql::RelationUse& use,
                       const std::string& schema, Effect effect) const {
  if (needed.where && !use.has_where && effect != Effect::read) return {State::no, "needs a WHERE clause"};
  Held total;
  const auto add = [&total](Held next) {
    if (next.state > total.state) total = std::move(next);
  };
  for (const Confinement& rule : needed.values) {
    if (!rule.table.empty() && (rule.table != use.name.name || rule.schema != schema)) continue;
    add(confined(rule, index, use, schema, effect));
  }
  if (needed.reason && (!statement_.values || statement_.values->reason.empty())) {
    return {State::no, "needs a reason: begin the statement with /* reason: … */"};
  }
  if (needed.max_rows > 0) add(counted(index, effect, needed.max_rows));
  if (needed.max_list > 0) add(short_lists(needed.max_list));
  if (needed.max_limit > 0 && effect == Effect::read) add(limited(needed.max_limit));
  return total;
}

// The server's count is of what the statement itself changes, not of parts of it, and EXPLAIN gives none.
Held ValueJudge::counted(std::size_t index, Effect effect, std::size_t most) const {
  using Kind = sql::StatementKind;
  if (!is_change(effect)) return {};
  const bool prepares = statement_.kind == Kind::prepare && statement_.inner;
  const Kind kind = prepares ? statement_.inner->kind : statement_.kind;
  const bool counts = kind == Kind::insert || kind == Kind::update || kind == Kind::delete_ || kind == Kind::merge;
  // The walk comes to the target of a statement before anything else in it.
  if (counts && index == 0) return {};
  return {State::no, "needs to be counted, for at most " + std::to_string(most) +
                         " rows: as INSERT, UPDATE, DELETE or MERGE of its own, not inside another statement"};
}

// ---- Confinement to a value

Held ValueJudge::confined(const Confinement& rule, std::size_t index, const sql::RelationUse& use,
                          const std::string& schema, Effect effect) const {
  // Estimates are made from all rows: they tell which values others' rows have.
  if (statement_.kind == sql::StatementKind::explain) return {State::no, needs(rule) + ", and no EXPLAIN"};
  Column column;
  Held held = column_of(rule, use, schema, column);
  if (held.state != State::yes) return held;
  State state = State::no;
  std::string where =
      " among the ANDed conditions (WHERE, or ON of an inner join) of the very query that reads it, as a constant or a "
      "parameter";
  switch (effect) {
    case Effect::insert:
      state = inserted(column, index);
      where = " in every row of VALUES";
      break;
    case Effect::update:
      state = both(rows_equal(column, index), updated(column, index));
      if (rows_equal(column, index) != State::no) where = " where SET changes it";
      break;
    case Effect::read:
      // The rows that RETURNING shows are those that were inserted, or updated in their place.
      if (has(use.effects, Effect::insert)) {
        state = inserted(column, index);
        if (has(use.effects, Effect::update)) state = both(state, rows_equal(column, index));
        break;
      }
      state = rows_equal(column, index);
      break;
    case Effect::delete_:
    case Effect::lock:
    case Effect::copy_out:
      state = rows_equal(column, index);
      break;
    default:
      where = ", which cannot be told for this kind of statement";
      break;
  }
  if (has(use.effects, Effect::merge)) state = State::no;
  if (state == State::no) return {State::no, needs(rule) + where};
  return {state, {}};
}

// What the rule's column is in the catalog, and its value in the form that values are compared in.
Held ValueJudge::column_of(const Confinement& rule, const sql::RelationUse& use, const std::string& schema,
                           Column& column) const {
  const auto no = [](std::string why) { return Held{State::no, std::move(why)}; };
  if (!rule.value) return no(needs(rule) + ", which you do not have");
  if (!statement_.values) return no(needs(rule) + ": prepare the statement again");
  if (context_.resolver == nullptr) return no(needs(rule) + ", which cannot be told without the catalog");
  const catalog::Relation* const relation = context_.resolver->relation({use.name.catalog, schema, use.name.name});
  if (relation == nullptr) return no(needs(rule) + ", and the catalog has no such relation");
  const auto found = std::find_if(relation->columns.begin(), relation->columns.end(),
                                  [&](const catalog::Column& candidate) { return candidate.name == rule.column; });
  if (found == relation->columns.end()) return no(needs(rule) + ", and the relation has no such column");
  const auto wanted = canonical(family_of(found->type), *rule.value);
  if (!wanted) return no(needs(rule) + ", which the type of the column does not allow dbgate to compare");
  if (!equality_is_certain()) return no(needs(rule) + ", and what = means is not certain in this database");
  column = {rule.column, found->type, *wanted};
  return {};
}

// The server takes an operator of the search path whose types fit exactly before one of pg_catalog's that needs a
// conversion (manual ch. 10.2).
bool ValueJudge::equality_is_certain() const {
  for (const catalog::Operator* candidate : context_.resolver->operators({"", "", "="})) {
    if (context_.resolver->schema_name(candidate->schema) == "pg_catalog") continue;
    if (family_of(candidate->left) != Family::none || family_of(candidate->right) != Family::none) return false;
  }
  return true;
}

State ValueJudge::rows_equal(const Column& column, std::size_t index) const {
  State best = State::no;
  for (const sql::Equality& equality : statement_.values->equalities) {
    if (equality.relation != index || equality.column != column.name) continue;
    best = std::min(best, equality.any ? any_equals(equality.operand, column) : equals(equality.operand, column));
  }
  return best;
}

State ValueJudge::inserted(const Column& column, std::size_t index) const {
  State state = State::no;
  for (const sql::Insertion& insertion : statement_.values->insertions) {
    if (insertion.relation != index || insertion.rows == 0) continue;
    state = State::yes;
    std::size_t rows = 0;
    for (const sql::Assignment& assignment : statement_.values->assignments) {
      if (assignment.relation != index || assignment.update || assignment.column != column.name) continue;
      ++rows;
      state = both(state, equals(assignment.operand, column));
    }
    if (rows != insertion.rows) return State::no;
  }
  return state;
}

State ValueJudge::updated(const Column& column, std::size_t index) const {
  State state = State::yes;
  for (const sql::Assignment& assignment : statement_.values->assignments) {
    if (assignment.relation != index || !assignment.update || assignment.column != column.name) continue;
    const bool same = assignment.operand.kind == Operand::Kind::excluded && assignment.operand.text == column.name;
    state = both(state, same ? inserted(column, index) : equals(assignment.operand, column));
  }
  return state;
}

// ---- Lists and LIMIT

Held ValueJudge::short_lists(std::size_t most) const {
  Held total;
  if (!statement_.values) return {State::no, "needs lists that can be counted: prepare the statement again"};
  for (const Operand& list : statement_.values->lists) {
    bool pending = false;
    const auto count = elements_in(list, pending);
    if (pending) {
      total.state = State::pending;
    } else if (!count || *count > most) {
      return {State::no, "needs IN lists and arrays of ANY of at most " + std::to_string(most) +
                             " elements, as constants or parameters"};
    }
  }
  return total;
}

std::optional<std::size_t> ValueJudge::elements_in(const Operand& list, bool& pending) const {
  const auto size_of = [](const auto& elements) { return elements ? std::optional(elements->size()) : std::nullopt; };
  switch (list.kind) {
    case Operand::Kind::list:
      return list.elements.size();
    case Operand::Kind::column:
    case Operand::Kind::null:
      return 0;  // no list of the client's
    case Operand::Kind::string:
      return size_of(elements_of(list.text));
    case Operand::Kind::parameter:
      break;
    default:
      return std::nullopt;
  }
  pending = arguments_ == nullptr;
  if (pending || list.parameter > arguments_->list.size()) return std::nullopt;
  const Argument& argument = arguments_->list[list.parameter - 1];
  if (argument.constant) {
    bool unused = false;
    if (argument.constant->kind == Operand::Kind::parameter) return std::nullopt;
    return elements_in(*argument.constant, unused);
  }
  if (argument.null) return 0;
  if (!argument.binary) return size_of(elements_of(argument.bytes));
  const auto array = binary_elements_of(argument.bytes);
  return array ? std::optional(array->elements.size()) : std::nullopt;
}

Held ValueJudge::limited(std::size_t most) const {
  using Kind = sql::StatementKind;
  const sql::Statement* innermost = &statement_;
  while (innermost->inner != nullptr)
    innermost = innermost->inner.get();
  const Kind kind = innermost->kind;
  const bool queries = kind == Kind::select || kind == Kind::values;
  if (!queries && !statement_.returning) return {};
  const Held no{State::no, "needs a LIMIT of at most " + std::to_string(most) +
                               " on the outermost query, as a constant or a parameter, and no rows put into one value"};
  // A recursive query can gather rows round by round, with any operator.
  const bool gathers = gathers_rows(statement_) || statement_.recursive;
  if (!queries || !statement_.values || gathers) return no;
  for (const sql::LevelLimit& limit : statement_.values->limits) {
    if (limit.level != statement_.result) continue;
    const Operand* count = &limit.count;
    if (count->cast && (count->cast_to_array || family_of(cast_type(*count)) != Family::integer)) return no;
    std::optional<std::string> value;
    if (count->kind == Operand::Kind::parameter) {
      if (arguments_ == nullptr) return {State::pending, {}};
      if (count->parameter > arguments_->list.size()) return no;
      const Argument& argument = arguments_->list[count->parameter - 1];
      const bool declared = !is_undeclared(argument.type);
      const catalog::Oid inferred = count->cast ? cast_type(*count) : 20;  // int8
      if (declared && family_of(argument.type) != Family::integer) return no;
      if (argument.constant) {
        count = &*argument.constant;
      } else if (argument.null) {
        return no;
      } else if (argument.binary) {
        value = canonical_binary(declared ? argument.type : inferred, argument.bytes);
      } else {
        value = canonical(Family::integer, argument.bytes);
      }
    }
    const bool constant = count->kind == Operand::Kind::integer || count->kind == Operand::Kind::string;
    if (constant) value = canonical(Family::integer, count->text);
    const std::string limit_text = std::to_string(most);
    // Of the same length they compare as text; a longer one is larger.
    const bool fits = value && (value->front() == '-' || value->size() < limit_text.size() ||
                                (value->size() == limit_text.size() && *value <= limit_text));
    return fits ? Held{} : no;
  }
  return no;
}

}  // namespace dbgate::policy
