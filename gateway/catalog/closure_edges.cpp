#include <algorithm>

#include "gateway/catalog/closure_walk.h"

namespace dbgate::catalog {
namespace {

using sql::Effect;
using sql::EffectSet;

const EffectSet rows_written = effects_of(Effect::insert, Effect::update, Effect::delete_);
const EffectSet rows_made = effects_of(Effect::insert, Effect::update);
const EffectSet rows_seen =
    rows_written | effects_of(Effect::read, Effect::lock, Effect::copy_out, Effect::merge, Effect::maintenance);

bool is_view(const Relation& relation) {
  return relation.kind == RelationKind::view || relation.kind == RelationKind::materialized_view;
}

// pg_rewrite.ev_type
EffectSet event_of_rule(char event) {
  if (event == '2') return effects_of(Effect::update);
  if (event == '3') return effects_of(Effect::insert);
  if (event == '4') return effects_of(Effect::delete_);
  return {};
}

// pg_trigger.tgtype (catalog/pg_trigger.h)
constexpr int instead_of = 64;
EffectSet events_of_trigger(std::int16_t type) {
  EffectSet events;
  events.set(bit(Effect::insert), (type & 4) != 0);
  events.set(bit(Effect::delete_), (type & 8) != 0);
  events.set(bit(Effect::update), (type & 16) != 0);
  events.set(bit(Effect::truncate), (type & 32) != 0);
  return events;
}

bool intersects(const EffectSet& a, const EffectSet& b) {
  return (a & b).any();
}

sql::ColumnUse columns_of(const Relation* relation, std::span<const std::int16_t> numbers) {
  sql::ColumnUse use;
  if (relation == nullptr) return use;
  for (const std::int16_t number : numbers) {
    const std::string_view name = name_of_column(*relation, number);
    if (!name.empty()) use.add(name);
  }
  return use;
}

// Whether an update of these columns changes a key. Nothing said of columns: it may be any.
bool changes_key(const sql::ColumnUse& writes, const Relation& relation, std::span<const std::int16_t> key) {
  if (writes.whole_row || writes.names.empty() || key.empty()) return true;
  return std::any_of(key.begin(), key.end(), [&](std::int16_t number) {
    return std::binary_search(writes.names.begin(), writes.names.end(), name_of_column(relation, number));
  });
}

}  // namespace

// Whether there is an update, or one of more columns than before.
bool ClosureWalk::changes_columns(const Work& work) {
  return work.touch.effects.test(bit(Effect::update)) || work.touch.writes.whole_row ||
         !work.touch.writes.names.empty();
}

void ClosureWalk::follow(const Relation& relation, const Work& work, Known& known, std::uint32_t step) {
  if (is_view(relation)) {
    see_through(relation, work, known, step);
    write_through(relation, work, step);
  }
  rules(relation, work, step);
  triggers(relation, work, step);
  keys_to(relation, work, known, step);
  keys_from(relation, work, known, step);
  if (!work.touch.only) descendants(relation, work, step);
  expressions(relation, work, step);
  column_types(relation, work, step);
}

const Contents& ClosureWalk::rule(std::uint32_t index) {
  return kept_.contents(Closure::Kept::Kind::rule, index, 0,
                        [&] { return closure_.reader_.rule(snapshot_.rules()[index]); });
}

// The query of a view runs whatever is done to the view; that of a materialized view has run, or runs now (REFRESH),
// and its rows are shown.
void ClosureWalk::see_through(const Relation& view, const Work& work, Known& known, std::uint32_t step) {
  if (!intersects(work.touch.effects, rows_seen) || is_built_in(view.oid)) return;
  const bool locks = work.touch.effects.test(bit(Effect::lock));
  if (known.seen_through && !locks) return;
  bool found = false;
  for (const std::uint32_t index : view.rules) {
    if (snapshot_.rules()[index].event != '1') continue;
    found = true;
    const Contents& contents = rule(index);
    if (!known.seen_through) add_contents(contents, Edge::contents, step, work.path);
    for (const Touch& touch : contents.touches) {
      if (!locks) break;
      Work lock;
      lock.edge = Edge::contents;
      lock.path = work.path;
      lock.before = step;
      lock.touch.relation = touch.relation;
      lock.touch.effects = effects_of(Effect::lock);
      lock.touch.only = touch.only;
      add(std::move(lock));
    }
  }
  known.seen_through = true;
  if (!found) add_opaque("a view whose query is not known", step);
}

// Simple views pass writes on to the one relation in their FROM, if neither a rule nor a trigger takes their place
// (manual, CREATE VIEW, "Updatable Views").
void ClosureWalk::write_through(const Relation& view, const Work& work, std::uint32_t step) {
  if (view.kind != RelationKind::view) return;
  EffectSet passed = work.touch.effects & rows_written;
  const bool new_columns = work.touch.writes.whole_row || !work.touch.writes.names.empty();
  if (new_columns) passed |= known_.at((std::uint64_t{work.path} << 32) | view.oid).touch.effects & rows_written;
  const Contents* query = nullptr;
  for (const std::uint32_t index : view.rules) {
    const Rule& one = snapshot_.rules()[index];
    if (one.event == '1') query = &rule(index);
    if (one.instead && one.enabled) passed &= ~event_of_rule(one.event);
  }
  for (const std::uint32_t index : view.triggers) {
    const Trigger& trigger = snapshot_.triggers()[index];
    if (trigger.enabled && (trigger.type & instead_of) != 0) passed &= ~events_of_trigger(trigger.type);
  }
  if (passed.none() || query == nullptr || query->touches.empty()) return;
  Work base;
  base.edge = Edge::base;
  base.path = work.path;
  base.before = step;
  base.touch.relation = query->touches.front().relation;
  base.touch.effects = passed;
  for (std::size_t i = 0; i < view.columns.size(); ++i) {
    const std::string_view name = view.columns[i].name;
    const std::vector<std::string>& names = work.touch.writes.names;
    if (!work.touch.writes.whole_row && !std::binary_search(names.begin(), names.end(), name)) continue;
    if (i < query->view_writes.size() && !query->view_writes[i].empty()) {
      base.touch.writes.add(query->view_writes[i]);
    } else {
      base.touch.writes.whole_row = true;
    }
  }
  add(std::move(base));
}

void ClosureWalk::rules(const Relation& relation, const Work& work, std::uint32_t step) {
  for (const std::uint32_t index : relation.rules) {
    const Rule& one = snapshot_.rules()[index];
    if (!one.enabled || !intersects(event_of_rule(one.event), work.touch.effects) || is_built_in(relation.oid))
      continue;
    add_contents(rule(index), Edge::rule, step, work.path, one.name);
  }
}

void ClosureWalk::triggers(const Relation& relation, const Work& work, std::uint32_t step) {
  for (const std::uint32_t index : relation.triggers) {
    const Trigger& trigger = snapshot_.triggers()[index];
    if (!trigger.enabled || !intersects(events_of_trigger(trigger.type), work.touch.effects | work.fires)) continue;
    call(trigger.function, Edge::trigger, step, work.path, true, &trigger);
  }
}

// Keys of other relations that point here: their rows follow, or are looked for.
void ClosureWalk::keys_to(const Relation& relation, const Work& work, const Known& known, std::uint32_t step) {
  const bool deletes = work.touch.effects.test(bit(Effect::delete_));
  const bool truncates = work.touch.effects.test(bit(Effect::truncate));
  const bool updates = known.touch.effects.test(bit(Effect::update));
  const bool changes =
      work.touch.effects.test(bit(Effect::update)) || work.touch.writes.whole_row || !work.touch.writes.names.empty();
  for (const std::uint32_t index : relation.referenced_by) {
    const ForeignKey& key = snapshot_.foreign_keys()[index];
    Work other;
    other.edge = Edge::foreign_key;
    other.path = work.path;
    other.before = step;
    other.touch.relation = key.relation;
    const Relation* const holder = snapshot_.relation(key.relation);
    const auto act = [&](char action, Effect cascade) {
      other.touch.check = action == 'a' || action == 'r';
      other.touch.effects.set(bit(Effect::read));
      other.touch.reads = columns_of(holder, key.columns);
      if (other.touch.check) return add(other);
      const Effect effect = action == 'c' ? cascade : Effect::update;
      other.touch.effects.set(bit(effect));
      if (effect == Effect::update) {
        other.touch.writes = columns_of(holder, key.columns);
        other.touch.writes.whole_row = key.columns.empty();
      }
      add(other);
    };
    if (deletes) act(key.on_delete, Effect::delete_);
    other.touch.writes = {};
    other.touch.effects.reset();
    if (updates && changes && changes_key(work.touch.writes, relation, key.referenced_columns)) {
      act(key.on_update, Effect::update);
    }
    if (!truncates) continue;
    // Only with CASCADE, but without it the statement fails.
    other.touch = {};
    other.touch.relation = key.relation;
    other.touch.effects = effects_of(Effect::truncate);
    add(other);
  }
}

// Keys of this relation: what they point to is looked for and locked.
void ClosureWalk::keys_from(const Relation& relation, const Work& work, const Known& known, std::uint32_t step) {
  const bool inserts = work.touch.effects.test(bit(Effect::insert));
  const bool updates = known.touch.effects.test(bit(Effect::update)) && changes_columns(work);
  if (!inserts && !updates) return;
  const auto before = [](const ForeignKey& a, const ForeignKey& b) { return a.relation < b.relation; };
  ForeignKey of;
  of.relation = relation.oid;
  const auto keys = snapshot_.foreign_keys();
  const auto [first, last] = std::equal_range(keys.begin(), keys.end(), of, before);
  for (auto key = first; key != last; ++key) {
    if (!inserts && !changes_key(work.touch.writes, relation, key->columns)) continue;
    Work other;
    other.edge = Edge::foreign_key;
    other.path = work.path;
    other.before = step;
    other.touch.relation = key->referenced;
    other.touch.effects = effects_of(Effect::read, Effect::lock);
    other.touch.reads = columns_of(snapshot_.relation(key->referenced), key->referenced_columns);
    other.touch.check = true;
    add(std::move(other));
  }
}

// Rows of partitions and children are rows of their parent, but new rows go to partitions only.
void ClosureWalk::descendants(const Relation& relation, const Work& work, std::uint32_t step) {
  const bool partitioned = relation.kind == RelationKind::partitioned_table;
  Work child;
  child.edge = Edge::descendant;
  child.path = work.path;
  child.before = step;
  child.touch = work.touch;
  child.fires = work.fires;
  if (!partitioned) child.touch.effects.reset(bit(Effect::insert));
  // An update may move a row from one partition to another, which deletes and inserts it.
  if (partitioned && child.touch.effects.test(bit(Effect::update))) child.fires |= rows_written;
  for (const Oid oid : relation.children) {
    child.touch.relation = oid;
    add(child);
  }
}

void ClosureWalk::expressions(const Relation& relation, const Work& work, std::uint32_t step) {
  for (const std::uint32_t index : relation.expressions) {
    const Expression& expression = snapshot_.expressions()[index];
    EffectSet events = rows_made;
    if (expression.kind == ExpressionKind::index) events.set(bit(Effect::maintenance));
    if (expression.kind == ExpressionKind::policy) events |= rows_seen;
    if (expression.kind == ExpressionKind::policy && !relation.row_security) continue;
    if (!intersects(events, work.touch.effects) || is_built_in(relation.oid)) continue;
    const Contents& contents = kept_.contents(Closure::Kept::Kind::expression, index, 0,
                                              [&] { return closure_.reader_.expression(expression); });
    add_contents(contents, Edge::expression, step, work.path);
  }
}

// Values are cast to the type of their column when they are stored; users' implicit casts run where nobody wrote them.
void ClosureWalk::column_types(const Relation& relation, const Work& work, std::uint32_t step) {
  if (is_built_in(relation.oid)) return;
  const bool made = intersects(work.touch.effects, rows_made);
  if (!made && closure_.user_casts_.empty()) return;
  Work type;
  type.kind = Work::Kind::type;
  type.path = work.path;
  type.before = step;
  for (const Column& column : relation.columns) {
    type.type = column.type;
    if (made && !is_built_in(column.type)) add(type);
    for (const Cast* const cast : closure_.user_casts_) {
      const bool stored = made && cast->target == column.type && cast->context != 'e';
      if (stored || (cast->source == column.type && cast->context == 'i')) {
        call(cast->function, Edge::cast, step, work.path, false);
      }
    }
  }
}

}  // namespace dbgate::catalog
