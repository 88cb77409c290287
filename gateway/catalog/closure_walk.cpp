#include "gateway/catalog/closure_walk.h"

#include <algorithm>
#include <utility>

#include "gateway/catalog/virtual_columns.h"

namespace dbgate::catalog {
namespace {

using sql::ColumnUse;

// More than any statement that somebody means to run.
constexpr std::size_t most_steps = 1'000'000;

std::uint64_t key_of(std::uint32_t path, Oid oid) {
  return (std::uint64_t{path} << 32) | oid;
}

// Takes `more` into `all`, and leaves in `more` what was new. False if nothing was.
bool take_in(ColumnUse& all, ColumnUse& more) {
  const bool row = more.whole_row && !all.whole_row;
  all.whole_row = all.whole_row || row;
  more.whole_row = row;
  std::erase_if(more.names,
                [&](const std::string& name) { return std::binary_search(all.names.begin(), all.names.end(), name); });
  for (const std::string& name : more.names)
    all.add(name);
  return row || !more.names.empty();
}

void merge(Touch& all, const Touch& touch) {
  all.effects |= touch.effects;
  for (const std::string& name : touch.reads.names)
    all.reads.add(name);
  for (const std::string& name : touch.writes.names)
    all.writes.add(name);
  all.reads.whole_row = all.reads.whole_row || touch.reads.whole_row;
  all.writes.whole_row = all.writes.whole_row || touch.writes.whole_row;
  all.only = all.only && touch.only;
  all.check = all.check && touch.check;
}

}  // namespace

void ClosureWalk::start(std::span<const Touch> touches, std::span<const Call> functions, std::span<const Oid> types,
                        const SearchPath& path) {
  if (!snapshot_.unreadable().empty()) add_opaque("parts of the catalog that the account may not read", UINT32_MAX);
  Work work;
  work.path = kept_.number_of(path);
  for (const Touch& touch : touches) {
    work.touch = touch;
    add(work);
  }
  work.touch = {};
  work.kind = Work::Kind::call;
  for (const Call& function : functions) {
    work.call = function;
    add(work);
  }
  work.kind = Work::Kind::type;
  for (const Oid type : types) {
    work.type = type;
    add(work);
  }
}

void ClosureWalk::run() {
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (i >= most_steps) return add_opaque("more than dbgate can follow", UINT32_MAX);
    Work work = std::move(pending_[i]);
    switch (work.kind) {
      case Work::Kind::touch:
        on_touch(work);
        break;
      case Work::Kind::call:
        on_call(work);
        break;
      case Work::Kind::type:
        on_type(work);
        break;
    }
  }
}

std::uint32_t ClosureWalk::add_step(const Work& work) {
  Step step;
  step.edge = work.edge;
  step.is_function = work.kind == Work::Kind::call;
  step.object = step.is_function ? work.call.function : work.touch.relation;
  step.name = work.name;
  step.before = work.before;
  reach_.steps.push_back(step);
  return static_cast<std::uint32_t>(reach_.steps.size() - 1);
}

void ClosureWalk::add_opaque(std::string_view why, std::uint32_t step) {
  const Oid object = step < reach_.steps.size() ? reach_.steps[step].object : 0;
  if (opaque_.insert(object).second) reach_.opaque.push_back({std::string(why), step});
}

// What the statement does by itself and what is done beneath it are judged by different rules: neither may hide the
// other.
void ClosureWalk::report(const Touch& touch, std::uint32_t step, bool beneath) {
  const auto [at, is_new] = reported_.try_emplace(touch.relation, reach_.relations.size());
  if (is_new) reach_.relations.push_back({touch, step, {}, UINT32_MAX});
  Reach::OfRelation& of = reach_.relations[at->second];
  if (!is_new) merge(of.touch, touch);
  if (!beneath) return;
  if (of.beneath_step == UINT32_MAX) {
    of.beneath = touch;
    of.beneath_step = step;
  } else {
    merge(of.beneath, touch);
  }
}

// Of a touch with nothing new in it.
void ClosureWalk::report_again(const Work& work, const Touch& touch) {
  const auto known = reported_.find(touch.relation);
  if (known == reported_.end()) return;
  const bool beneath = is_beneath(work);
  const bool first = beneath && reach_.relations[known->second].beneath_step == UINT32_MAX;
  report(touch, first ? add_step(work) : 0, beneath);
}

// The rows that a trigger of the table is given are those that the statement itself writes there.
bool ClosureWalk::is_beneath(const Work& work) const {
  if (work.edge != Edge::row) return work.edge != Edge::direct;
  const std::uint32_t fired = reach_.steps[work.before].before;
  return fired >= reach_.steps.size() || reach_.steps[fired].edge != Edge::direct;
}

void ClosureWalk::on_touch(Work& work) {
  const Relation* const relation = snapshot_.relation(work.touch.relation);
  if (relation == nullptr) return add_opaque("a relation that is not in the catalog", add_step(work));
  add_virtual_parts(snapshot_, *relation, work.touch.reads);
  Known& known = known_[key_of(work.path, relation->oid)];
  const Touch whole = work.touch;
  work.touch.effects &= ~known.touch.effects;
  work.fires &= ~known.fires;
  known.touch.effects |= work.touch.effects;
  known.fires |= work.fires;
  const bool reads = take_in(known.touch.reads, work.touch.reads);
  const bool writes = take_in(known.touch.writes, work.touch.writes);
  const bool descends = !work.touch.only && !known.descended;
  if (!reads && !writes && !descends && work.touch.effects.none() && work.fires.none()) {
    return report_again(work, whole);
  }
  const std::uint32_t step = add_step(work);
  report(whole, step, is_beneath(work));
  // Columns count with the effect that they were touched by.
  if (work.touch.effects.any()) {
    work.touch.reads = whole.reads;
    work.touch.writes = whole.writes;
  }
  // What was done to this relation alone so far is now done to its descendants as well.
  if (descends) {
    work.touch.effects = known.touch.effects;
    work.touch.reads = known.touch.reads;
    work.touch.writes = known.touch.writes;
  }
  known.descended = known.descended || descends;
  follow(*relation, work, known, step);
}

void ClosureWalk::call(Oid function, Edge edge, std::uint32_t step, std::uint32_t path, bool named,
                       const Trigger* trigger) {
  Work work;
  work.kind = Work::Kind::call;
  work.edge = edge;
  work.path = path;
  work.before = step;
  work.call = {function, named};
  work.trigger = trigger;
  if (trigger != nullptr) work.name = trigger->name;
  add(std::move(work));
}

void ClosureWalk::on_call(const Work& work) {
  const Function* const function = snapshot_.function(work.call.function);
  if (function == nullptr) return add_opaque("a function that is not in the catalog", add_step(work));
  std::uint32_t path = work.path;
  if (!function->search_path.empty()) {
    path = kept_.number_of({read_search_path(function->search_path), kept_.path(path).user});
  }
  const bool first = called_.insert(key_of(path, function->oid)).second;
  const bool compiled = function->language == "c" || function->language == "internal";
  if (!first && work.trigger == nullptr && !(compiled && work.call.named)) return;
  const std::uint32_t step = add_step(work);
  if (listed_.insert(function->oid).second) reach_.functions.push_back({function->oid, step});
  if (closed_ && closed_(*function)) return;
  if (is_built_in(function->oid) || function->language == "internal") {
    if (function->kind != 'a' || is_built_in(function->oid)) return;
    if (function->support.empty()) return add_opaque("an aggregate whose functions are not known", step);
    for (const Oid support : function->support)
      call(support, Edge::aggregate, step, path, true);
    return;
  }
  // A library of code behind an operator is a matter of lists: every operator of an extension is one.
  if (compiled && !work.call.named) return;
  const SearchPath& names = kept_.path(path);
  const Contents& contents = kept_.contents(Closure::Kept::Kind::function, function->oid, path,
                                            [&] { return closure_.reader_.function(*function, names); });
  on_trigger_row(work, contents, step);
  if (first) add_contents(contents, Edge::contents, step, path);
}

// OLD, NEW and transition tables show the rows that the trigger fires for.
void ClosureWalk::on_trigger_row(const Work& work, const Contents& contents, std::uint32_t step) {
  const Trigger* const trigger = work.trigger;
  Work row;
  row.touch.reads = contents.row;
  for (const std::string& name : contents.unknown) {
    if (trigger != nullptr && (name == trigger->old_table || name == trigger->new_table)) {
      row.touch.reads.whole_row = true;
    } else {
      add_opaque("a relation that is not in the catalog", step);
    }
  }
  if (trigger == nullptr || (row.touch.reads.names.empty() && !row.touch.reads.whole_row)) return;
  row.edge = Edge::row;
  row.path = work.path;
  row.before = step;
  row.touch.relation = trigger->relation;
  row.touch.effects = effects_of(sql::Effect::read);
  row.touch.only = true;
  add(std::move(row));
}

void ClosureWalk::add_contents(const Contents& contents, Edge edge, std::uint32_t step, std::uint32_t path,
                               std::string_view name) {
  reach_.effects |= contents.effects;
  reach_.settings.insert(reach_.settings.end(), contents.settings.begin(), contents.settings.end());
  reach_.of_moment = reach_.of_moment || contents.of_moment;
  if (contents.opaque) add_opaque(contents.why, step);
  Work work;
  work.edge = edge;
  work.path = path;
  work.before = step;
  work.name = name;
  for (const Touch& touch : contents.touches) {
    work.touch = touch;
    add(work);
  }
  work.touch = {};
  work.kind = Work::Kind::call;
  for (const Call& function : contents.calls) {
    work.call = function;
    add(work);
  }
  work.kind = Work::Kind::type;
  for (const Oid type : contents.types) {
    work.type = type;
    add(work);
  }
}

// What a cast to a type runs: the conditions of domains, of elements and fields too, and functions of users' casts.
void ClosureWalk::on_type(const Work& work) {
  if (!cast_.insert(key_of(work.path, work.type)).second) return;
  for (const Cast* const cast : closure_.user_casts_) {
    if (cast->target == work.type) call(cast->function, Edge::cast, work.before, work.path, false);
  }
  const Type* const type = snapshot_.type(work.type);
  if (type == nullptr || is_built_in(type->oid)) return;
  if (!type->check.empty()) {
    const Contents& contents =
        kept_.contents(Closure::Kept::Kind::domain, type->oid, 0, [&] { return closure_.reader_.domain(*type); });
    add_contents(contents, Edge::domain_check, work.before, work.path, type->name);
  }
  Work next;
  next.kind = Work::Kind::type;
  next.path = work.path;
  next.before = work.before;
  const auto add_type = [&](Oid oid) {
    next.type = oid;
    if (oid != 0) add(next);
  };
  add_type(type->base);
  add_type(type->element);
  const Relation* const row = type->relation == 0 ? nullptr : snapshot_.relation(type->relation);
  if (row == nullptr) return;
  for (const Column& column : row->columns)
    add_type(column.type);
}

}  // namespace dbgate::catalog
