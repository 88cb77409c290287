#include "gateway/sql/resolve_names.h"

#include <algorithm>
#include <array>

#include "gateway/sql/offers.h"

namespace dbgate::sql {
namespace {

bool is_system_column(std::string_view name) {
  constexpr std::array<std::string_view, 6> names = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

class NameResolver {
 public:
  NameResolver(Statement& statement, const TableColumns* tables)
      : statement_(statement), tables_(tables), offers_(statement, tables, budget_) {}

  void run();

 private:
  const Level& level_of(const View& view) const { return statement_.levels[view.level]; }

  void resolve(std::size_t level, const NameUse& use);
  void star(std::size_t level, const NameUse& use, bool value);
  void unqualified(std::size_t level, const NameUse& use, bool value);
  void qualified(std::size_t level, const NameUse& use, bool value);
  bool defined_in(const View& view, std::string_view name, bool value);
  bool may_be_in(const View& view, std::string_view name, bool value);
  void whole_row_or_unknown(std::size_t level, const NameUse& use, bool open, bool value);
  void column_of(std::size_t level, std::size_t source, std::string_view column, bool value);

  void compare_sides(std::size_t level, std::size_t join);
  void compare_in_side(std::size_t level, std::size_t side, std::size_t end, std::string_view name);
  void compare_outputs(std::size_t level);
  bool compare_output(std::size_t level, std::string_view name);

  void charge(const Origin& origin, bool value);
  void charge_all(std::span<const Origin> origins, bool value);
  void charge_row(std::size_t relation, bool value);
  void charge_source(std::size_t level, std::size_t source, bool value);
  void may_have(std::size_t level, std::size_t source, std::string_view column, bool value);
  void add_field(std::string_view name);

  Statement& statement_;
  const TableColumns* tables_;
  Budget budget_;
  Offers offers_;
};

void NameResolver::run() {
  for (std::size_t i = 0; i < statement_.levels.size() && !budget_.exhausted(); ++i) {
    const Level& level = statement_.levels[i];
    for (std::size_t s = 0; s < level.sources.size() && budget_.spend(1); ++s) {
      const Source& source = level.sources[s];
      if (source.kind == Source::Kind::join) compare_sides(i, s);
      // An alias with names for columns that are not known: any of them may be meant.
      const bool renames = source.kind == Source::Kind::relation || source.kind == Source::Kind::join;
      if (renames && !source.columns.empty() && offers_.open(i, s)) charge_source(i, s, true);
    }
    for (const NameUse& use : level.names) {
      if (budget_.exhausted()) break;
      resolve(i, use);
    }
    compare_outputs(i);
  }
  for (RelationUse& use : statement_.relations) {
    if (tables_ != nullptr && !use.reads.names.empty()) tables_->add_computed_from(use.name, use.reads);
  }
  statement_.lineage_unsure = statement_.lineage_unsure || offers_.unsure();
  if (budget_.exhausted() && statement_.unknown.empty()) statement_.unknown = "more names than dbgate can follow";
}

void NameResolver::resolve(std::size_t level, const NameUse& use) {
  const bool value = use.as != NameUse::As::output;
  if (use.column.empty()) {
    star(level, use, value);
  } else if (use.qualifier.empty()) {
    unqualified(level, use, value);
  } else {
    qualified(level, use, value);
  }
}

// ---- What a name stands for

void NameResolver::star(std::size_t level, const NameUse& use, bool value) {
  View view = offers_.view_of(level);
  do {
    const std::vector<Source>& sources = level_of(view).sources;
    bool found = false;
    for (std::size_t i = view.from; i < view.until && budget_.spend(1); ++i) {
      const bool means = use.qualifier.empty() ? sources[i].kind != Source::Kind::join
                                               : offers_.visible(view, i) && sources[i].alias == use.qualifier;
      if (!means) continue;
      charge_source(view.level, i, value);
      found = true;
    }
    // * alone means the sources of its own level; schema.table.* looks past aliases.
    if (use.qualifier.empty() ? !level_of(view).in_from : found && use.schema.empty()) return;
  } while (offers_.outwards(view));
}

void NameResolver::unqualified(std::size_t level, const NameUse& use, bool value) {
  View view = offers_.view_of(level);
  bool open = false;
  do {
    if (defined_in(view, use.column, value)) return;
    open = may_be_in(view, use.column, value) || open;
  } while (offers_.outwards(view));
  if (use.as == NameUse::As::grouping && compare_output(level, use.column) && !open) return;
  whole_row_or_unknown(level, use, open, value);
}

bool NameResolver::defined_in(const View& view, std::string_view name, bool value) {
  bool found = false;
  for (std::size_t i = view.from; i < view.until && budget_.spend(1); ++i) {
    if (!offers_.columns_visible(view, i)) continue;
    const Source& source = level_of(view).sources[i];
    if (const auto origins = offers_.find(view.level, i, name)) {
      charge_all(origins->all(), value);
      found = true;
    } else if (source.kind == Source::Kind::relation && is_system_column(name) && offers_.columns_known(source.index)) {
      charge({source.index, name}, value);
      found = true;
    }
  }
  return found;
}

// Whether anything of the level may have a column that nobody knows of.
bool NameResolver::may_be_in(const View& view, std::string_view name, bool value) {
  bool open = false;
  for (std::size_t i = view.from; i < view.until && budget_.spend(1); ++i) {
    if (!offers_.columns_visible(view, i) || !offers_.open(view.level, i)) continue;
    open = true;
    may_have(view.level, i, name, value);
  }
  return open;
}

// No column: the name of a table in sight is its whole row. Else it is a column that came after the catalog was read,
// or a mistake.
void NameResolver::whole_row_or_unknown(std::size_t level, const NameUse& use, bool open, bool value) {
  bool row = false;
  View view = offers_.view_of(level);
  do {
    for (std::size_t i = view.from; i < view.until && budget_.spend(1); ++i) {
      if (!offers_.visible(view, i) || level_of(view).sources[i].alias != use.column) continue;
      charge_source(view.level, i, true);
      row = true;
    }
  } while (offers_.outwards(view));
  if (open || row) return;
  view = offers_.view_of(level);
  do {
    for (std::size_t i = view.from; i < view.until && budget_.spend(1); ++i) {
      const Source& source = level_of(view).sources[i];
      if (source.kind == Source::Kind::relation) charge({source.index, use.column}, value);
    }
  } while (offers_.outwards(view));
}

void NameResolver::qualified(std::size_t level, const NameUse& use, bool value) {
  View view = offers_.view_of(level);
  bool known = false;
  do {
    bool found = false;
    for (std::size_t i = view.from; i < view.until && budget_.spend(1); ++i) {
      if (!offers_.visible(view, i) || level_of(view).sources[i].alias != use.qualifier) continue;
      column_of(view.level, i, use.column, value);
      found = true;
    }
    known = known || found;
    // schema.table.column finds that very table, past any alias that looks like it.
    if (found && use.schema.empty()) return;
  } while (offers_.outwards(view));
  if (known) return;
  // a.b where a is no table in sight: the field b of a composite column a.
  add_field(use.column);
  NameUse column;
  column.column = use.qualifier;
  unqualified(level, column, true);
}

void NameResolver::column_of(std::size_t level, std::size_t index, std::string_view column, bool value) {
  if (const auto origins = offers_.find(level, index, column)) return charge_all(origins->all(), value);
  const Source& source = statement_.levels[level].sources[index];
  const bool open = offers_.open(level, index);
  if (source.kind == Source::Kind::relation) charge({source.index, column}, value);
  if (source.kind == Source::Kind::function || (!open && !is_system_column(column))) {
    // t.f is f(t) if t has no column f.
    add_field(column);
    charge_source(level, index, true);
  } else if (open) {
    may_have(level, index, column, value);
  }
}

// ---- What is compared without being named in an expression

// What USING and NATURAL compare.
void NameResolver::compare_sides(std::size_t level, std::size_t index) {
  const Source& join = statement_.levels[level].sources[index];
  for (const std::string& name : join.using_columns) {
    compare_in_side(level, index + 1, join.right, name);
    compare_in_side(level, join.right, join.end, name);
  }
  if (!join.natural) return;
  const Fields& left = offers_.fields_of(level, index + 1);
  const Fields& right = offers_.fields_of(level, join.right);
  if (left.open || right.open) return charge_source(level, index, true);
  for (const Field& field : left.list) {
    const Field* const other = offers_.field(right, field.name);
    if (other == nullptr) continue;
    charge_all(field.origins, true);
    charge_all(other->origins, true);
  }
}

void NameResolver::compare_in_side(std::size_t level, std::size_t side, std::size_t end, std::string_view name) {
  if (const auto origins = offers_.find(level, side, name)) return charge_all(origins->all(), true);
  for (std::size_t i = side; i < end && budget_.spend(1); ++i) {
    if (statement_.levels[level].sources[i].kind != Source::Kind::join) may_have(level, i, name, true);
  }
}

void NameResolver::compare_outputs(std::size_t index) {
  const Level& level = statement_.levels[index];
  for (const std::string& name : level.order_by)
    compare_output(index, name);
  if (level.positions.empty() && !level.compared) return;
  const Fields& fields = offers_.outputs_of(index);
  if (fields.open) statement_.lineage_unsure = true;
  if (level.compared) {
    for (const Field& field : fields.list)
      charge_all(field.origins, true);
  }
  for (const std::size_t position : level.positions) {
    if (position < fields.list.size()) charge_all(fields.list[position].origins, true);
  }
}

bool NameResolver::compare_output(std::size_t level, std::string_view name) {
  const Fields& fields = offers_.outputs_of(level);
  const Field* const field = offers_.field(fields, name);
  if (field != nullptr) charge_all(field->origins, true);
  if (field == nullptr && fields.open) statement_.lineage_unsure = true;
  return field != nullptr;
}

// ---- Charging

void NameResolver::charge(const Origin& origin, bool value) {
  RelationUse& use = statement_.relations[origin.relation];
  use.effects.set(static_cast<std::size_t>(Effect::read));
  if (!budget_.spend_on_insert(use.reads.names.size())) return;
  use.reads.add(origin.column);
  if (value) use.values.add(origin.column);
}

void NameResolver::charge_all(std::span<const Origin> origins, bool value) {
  for (const Origin& origin : origins)
    charge(origin, value);
}

void NameResolver::charge_row(std::size_t relation, bool value) {
  RelationUse& use = statement_.relations[relation];
  use.effects.set(static_cast<std::size_t>(Effect::read));
  use.reads.whole_row = true;
  use.values.whole_row = use.values.whole_row || value;
}

// A row of the source, as * or as a value.
void NameResolver::charge_source(std::size_t level, std::size_t index, bool value) {
  const std::vector<Source>& sources = statement_.levels[level].sources;
  const Source& source = sources[index];
  switch (source.kind) {
    case Source::Kind::relation:
      charge_row(source.index, value);
      break;
    case Source::Kind::join:
      for (std::size_t i = index + 1; i < source.end && budget_.spend(1); ++i) {
        if (sources[i].kind != Source::Kind::join) charge_source(level, i, value);
      }
      break;
    case Source::Kind::query: {
      if (!value) break;
      const Fields& fields = offers_.outputs_of(source.index);
      for (const Field& field : fields.list)
        charge_all(field.origins, true);
      statement_.lineage_unsure = statement_.lineage_unsure || fields.open;
      break;
    }
    case Source::Kind::function:
    case Source::Kind::other:
      break;
  }
}

// A source whose columns are not all known.
void NameResolver::may_have(std::size_t level, std::size_t index, std::string_view column, bool value) {
  const std::vector<Source>& sources = statement_.levels[level].sources;
  const Source& source = sources[index];
  if (source.kind == Source::Kind::relation) charge({source.index, column}, value);
  if (source.kind == Source::Kind::query) statement_.lineage_unsure = true;
  if (source.kind != Source::Kind::join) return;
  for (std::size_t i = index + 1; i < source.end && budget_.spend(1); ++i) {
    if (sources[i].kind != Source::Kind::join) may_have(level, i, column, value);
  }
}

void NameResolver::add_field(std::string_view name) {
  FunctionUse use;
  use.name.name = name;
  use.form = FunctionForm::field;
  use.arguments = 1;
  std::vector<FunctionUse>& functions = statement_.functions;
  if (!budget_.spend(functions.size())) return;
  if (std::find(functions.begin(), functions.end(), use) == functions.end()) functions.push_back(std::move(use));
}

}  // namespace

std::vector<std::vector<Origin>> result_origins(const Statement& statement, const TableColumns& tables) {
  std::vector<std::vector<Origin>> origins;
  if (statement.inner || statement.result >= statement.levels.size()) return origins;
  Budget budget;
  Offers offers(statement, &tables, budget);
  const Fields& fields = offers.outputs_of(statement.result);
  if (!fields.counted || budget.exhausted()) return origins;
  for (const Field& field : fields.list)
    origins.push_back(field.origins);
  return origins;
}

void resolve_names(Statement& statement, const TableColumns* tables) {
  NameResolver(statement, tables).run();
}

}  // namespace dbgate::sql
