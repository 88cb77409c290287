#include "gateway/sql/offers.h"

#include <algorithm>

namespace dbgate::sql {
namespace {

const Fields& nobody_knows() {
  static const Fields fields{{}, true, false};
  return fields;
}

// A recursive query can put any of its columns into any other, round by round.
void mix_origins(Fields& fields) {
  std::vector<Origin> all;
  for (const Field& field : fields.list)
    all.insert(all.end(), field.origins.begin(), field.origins.end());
  for (Field& field : fields.list)
    field.origins = all;
}

}  // namespace

Offers::Offers(const Statement& statement, const TableColumns* tables, Budget& budget)
    : statement_(statement),
      tables_(tables),
      budget_(budget),
      relations_(statement.relations.size(), &scratch_),
      levels_(statement.levels.size(), &scratch_) {}

// ---- Who sees what

View Offers::view_of(std::size_t level) const {
  return {level, 0, statement_.levels[level].sources.size(), none};
}

bool Offers::outwards(View& view) const {
  const Level& level = statement_.levels[view.level];
  if (level.outer == none) return false;
  view = view_of(level.outer);
  if (level.in_from) {
    view.from = level.from;
    view.until = std::min(level.until, view.until);
    view.inside = level.inside;
  }
  return true;
}

bool Offers::visible(const View& view, std::size_t index) const {
  const std::vector<Source>& sources = statement_.levels[view.level].sources;
  const auto stands_inside = [&](std::size_t join) {
    return view.inside != none && view.inside > join && view.inside < sources[join].end;
  };
  const Source& source = sources[index];
  if (source.kind == Source::Kind::join && stands_inside(index)) return false;
  return source.hidden_by == none || stands_inside(source.hidden_by);
}

bool Offers::columns_visible(const View& view, std::size_t index) const {
  const Source& source = statement_.levels[view.level].sources[index];
  return visible(view, index) && !source.aside && (source.kind != Source::Kind::join || source.hides);
}

// ---- What sources offer

// Null: not known.
const std::vector<std::string_view>* Offers::columns_of(std::size_t relation) {
  Known& known = relations_[relation];
  if (!known.asked && tables_ != nullptr) known.columns = tables_->columns_of(statement_.relations[relation].name);
  known.asked = true;
  return known.columns ? &*known.columns : nullptr;
}

std::optional<Origins> Offers::find(std::size_t level, std::size_t index, std::string_view column) {
  const Source& source = statement_.levels[level].sources[index];
  if (source.kind == Source::Kind::relation && source.columns.empty()) {
    const std::vector<std::string_view>* const columns = columns_of(source.index);
    if (columns == nullptr || !budget_.spend(columns->size())) return std::nullopt;
    const auto found = std::find(columns->begin(), columns->end(), column);
    if (found == columns->end()) return std::nullopt;
    return Origin{source.index, *found};
  }
  const Field* const found = field(fields_of(level, index), column);
  if (found == nullptr) return std::nullopt;
  return found->origins;
}

bool Offers::open(std::size_t level, std::size_t index) {
  const Source& source = statement_.levels[level].sources[index];
  if (source.kind == Source::Kind::relation && source.columns.empty()) return columns_of(source.index) == nullptr;
  return fields_of(level, index).open;
}

const Field* Offers::field(const Fields& fields, std::string_view name) {
  budget_.spend(fields.list.size());
  for (const Field& candidate : fields.list) {
    if (candidate.name == name) return &candidate;
  }
  return nullptr;
}

const Fields& Offers::fields_of(std::size_t level, std::size_t index) {
  const Source& source = statement_.levels[level].sources[index];
  if (source.kind == Source::Kind::query && source.columns.empty()) return outputs_of(source.index);
  std::vector<std::unique_ptr<Fields>>& memo = levels_[level].sources;
  memo.resize(statement_.levels[level].sources.size());
  if (!memo[index]) {
    if (depth_ >= Budget::deepest) budget_.exhaust();
    if (budget_.exhausted()) return nobody_knows();
    ++depth_;
    auto fields = std::make_unique<Fields>(make_fields(level, index));
    --depth_;
    budget_.spend(fields->list.size());
    memo[index] = std::move(fields);
    made_.push_back({level, index});
  }
  return *memo[index];
}

Fields Offers::make_fields(std::size_t level, std::size_t index) {
  const Source& source = statement_.levels[level].sources[index];
  Fields fields;
  switch (source.kind) {
    case Source::Kind::relation: {
      const std::vector<std::string_view>* const columns = columns_of(source.index);
      fields.open = columns == nullptr;
      fields.counted = columns != nullptr;
      if (columns == nullptr) break;
      for (const std::string_view name : *columns)
        fields.list.push_back({name, {{source.index, name}}});
      break;
    }
    case Source::Kind::query:
      fields = outputs_of(source.index);
      break;
    case Source::Kind::join:
      fields = join_fields(level, index);
      break;
    case Source::Kind::function:
    case Source::Kind::other:
      fields.open = true;
      fields.counted = false;
      for (const std::string& name : source.columns)
        fields.list.push_back({name, {}});
      return fields;
  }
  rename(fields, source.columns);
  return fields;
}

// Names of an alias replace those of the first columns.
void Offers::rename(Fields& fields, const std::vector<std::string>& names) {
  if (names.empty()) return;
  if (!fields.counted) {
    // Which columns these are, nobody knows.
    unsure_ = true;
    fields.open = true;
    for (const std::string& name : names)
      fields.list.push_back({name, {}});
    return;
  }
  for (std::size_t i = 0; i < std::min(names.size(), fields.list.size()); ++i)
    fields.list[i].name = names[i];
  fields.open =
      std::any_of(fields.list.begin(), fields.list.end(), [](const Field& column) { return column.name.empty(); });
}

// Merged columns first, then what is left of the left side and of the right side (manual ch. 7.2.1.1).
Fields Offers::join_fields(std::size_t level, std::size_t index) {
  const Source& join = statement_.levels[level].sources[index];
  const Fields& left = fields_of(level, index + 1);
  const Fields& right = fields_of(level, join.right);
  std::vector<std::string_view> merged(join.using_columns.begin(), join.using_columns.end());
  if (join.natural) {
    for (const Field& candidate : left.list) {
      if (field(right, candidate.name) != nullptr) merged.push_back(candidate.name);
    }
  }
  Fields fields;
  fields.open = left.open || right.open;
  fields.counted = left.counted && right.counted;
  for (const std::string_view name : merged) {
    Field& both = fields.list.emplace_back();
    both.name = name;
    for (const Fields* side : {&left, &right}) {
      if (const Field* const of_side = field(*side, name)) {
        both.origins.insert(both.origins.end(), of_side->origins.begin(), of_side->origins.end());
      }
    }
  }
  for (const Fields* side : {&left, &right}) {
    if (!budget_.spend(side->list.size() * (1 + merged.size()))) break;
    for (const Field& candidate : side->list) {
      if (std::find(merged.begin(), merged.end(), candidate.name) == merged.end()) fields.list.push_back(candidate);
    }
  }
  return fields;
}

// ---- What queries offer

const Fields& Offers::outputs_of(std::size_t level) {
  LevelMemo& memo = levels_[level];
  if (memo.outputs) return *memo.outputs;
  if (depth_ >= Budget::deepest) budget_.exhaust();
  // A recursive query asks for itself: the arm that it starts with has the names.
  if (memo.asked) memo.recursive = true;
  if (memo.asked || budget_.exhausted()) return nobody_knows();
  memo.asked = true;
  const std::size_t made = made_.size();
  ++depth_;
  auto fields = std::make_unique<Fields>(make_outputs(level));
  --depth_;
  if (memo.recursive) {
    mix_origins(*fields);
    forget_since(made);
  }
  memo.outputs = std::move(fields);
  made_.push_back({level, none});
  return *memo.outputs;
}

// What was made while a recursive query did not know itself is made again when somebody asks.
void Offers::forget_since(std::size_t made) {
  for (; made_.size() > made; made_.pop_back()) {
    LevelMemo& memo = levels_[made_.back().level];
    if (made_.back().source == none) {
      memo.outputs.reset();
      memo.asked = false;
    } else {
      memo.sources[made_.back().source].reset();
    }
  }
}

Fields Offers::make_outputs(std::size_t index) {
  const Level& level = statement_.levels[index];
  Fields fields;
  fields.open = level.open_outputs;
  fields.counted = !level.open_outputs;
  if (level.arms.empty()) {
    own_outputs(index, fields);
  } else {
    arm_outputs(level, fields);
  }
  rename(fields, level.renamed);
  return fields;
}

void Offers::own_outputs(std::size_t index, Fields& fields) {
  const Level& level = statement_.levels[index];
  for (const Output& output : level.outputs) {
    if (!budget_.spend(1)) return;
    if (output.use == none) {
      fields.open = fields.open || output.name.empty();
      fields.list.push_back({output.name, {}});
    } else if (level.names[output.use].column.empty()) {
      star_outputs(index, level.names[output.use], fields);
    } else {
      fields.list.push_back({output.name, origins_of(index, level.names[output.use])});
    }
  }
}

void Offers::arm_outputs(const Level& level, Fields& fields) {
  for (std::size_t arm = 0; arm < level.arms.size(); ++arm) {
    const Fields& other = outputs_of(level.arms[arm]);
    if (!budget_.spend(other.list.size())) return;
    fields.open = fields.open || other.open;
    fields.counted = fields.counted && other.counted;
    if (arm == 0) {
      fields.list = other.list;
      continue;
    }
    for (std::size_t i = 0; i < std::min(fields.list.size(), other.list.size()); ++i) {
      std::vector<Origin>& origins = fields.list[i].origins;
      origins.insert(origins.end(), other.list[i].origins.begin(), other.list[i].origins.end());
      if (!budget_.spend(origins.size())) return;
    }
  }
}

void Offers::star_outputs(std::size_t index, const NameUse& use, Fields& fields) {
  const bool all = use.qualifier.empty();
  View view = view_of(index);
  do {
    const std::vector<Source>& sources = statement_.levels[view.level].sources;
    for (std::size_t i = view.from; i < view.until && budget_.spend(1); ++i) {
      if (!visible(view, i) || (all ? sources[i].aside : sources[i].alias != use.qualifier)) continue;
      const Fields& more = fields_of(view.level, i);
      if (!budget_.spend(more.list.size())) return;
      fields.open = fields.open || more.open;
      fields.counted = fields.counted && more.counted;
      fields.list.insert(fields.list.end(), more.list.begin(), more.list.end());
      if (!all) return;
      // What a join puts together is not put out again.
      if (sources[i].kind == Source::Kind::join) i = sources[i].end - 1;
    }
    if (all) return;
  } while (outwards(view));
  fields.open = true;
  fields.counted = false;
}

// Where the value of an output comes from that is nothing but a name.
std::vector<Origin> Offers::origins_of(std::size_t index, const NameUse& use) {
  std::vector<Origin> origins;
  View view = view_of(index);
  do {
    const std::vector<Source>& sources = statement_.levels[view.level].sources;
    bool found = false;
    for (std::size_t i = view.from; i < view.until && budget_.spend(1); ++i) {
      const bool means =
          use.qualifier.empty() ? columns_visible(view, i) : visible(view, i) && sources[i].alias == use.qualifier;
      if (!means) continue;
      const auto more = find(view.level, i, use.column);
      if (!more) continue;
      origins.insert(origins.end(), more->all().begin(), more->all().end());
      found = true;
    }
    if (found) return origins;
  } while (outwards(view));
  return origins;
}

}  // namespace dbgate::sql
