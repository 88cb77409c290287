#include "gateway/catalog/builder.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace dbgate::catalog {
namespace {

// Longer texts are bodies and definitions, which hardly ever repeat.
constexpr std::size_t longest_shared = 128;

template <class T>
void sort_by_name(std::vector<T>& rows) {
  std::sort(rows.begin(), rows.end(), [](const T& a, const T& b) {
    return std::tie(a.schema, a.name, a.oid) < std::tie(b.schema, b.name, b.oid);
  });
  rows.shrink_to_fit();
}

// Servers give rows in no order: sorted by all that tells them apart, equal catalogs make equal snapshots.
template <class T, class Key>
void sort_by(std::vector<T>& rows, const Key& key) {
  std::sort(rows.begin(), rows.end(), [&key](const T& a, const T& b) { return key(a) < key(b); });
  rows.shrink_to_fit();
}

template <class T>
std::uint32_t count(const std::vector<T>& rows) {
  return static_cast<std::uint32_t>(rows.size());
}

template <class T>
void index_by_oid(FlatIndex& index, const std::vector<T>& rows) {
  index.reserve(rows.size());
  for (std::uint32_t i = 0; i < count(rows); ++i)
    index.insert(hash_of(rows[i].oid), i, [&](std::uint32_t other) { return rows[other].oid == rows[i].oid; });
}

// Of equal names the first is kept, so that sorted rows are found as one run.
template <class T>
void index_by_name(FlatIndex& index, const std::vector<T>& rows) {
  index.reserve(rows.size());
  for (std::uint32_t i = 0; i < count(rows); ++i) {
    index.insert(hash_of(rows[i].schema, rows[i].name), i, [&](std::uint32_t other) {
      return rows[other].schema == rows[i].schema && rows[other].name == rows[i].name;
    });
  }
}

}  // namespace

std::string_view SnapshotBuilder::keep(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > longest_shared) return snapshot_->arena_.copy(text);
  const auto found = known_.find(text);
  if (found != known_.end()) return *found;
  return *known_.insert(snapshot_->arena_.copy(text)).first;
}

std::span<const std::string_view> SnapshotBuilder::keep_names(std::span<const std::string_view> names) {
  std::vector<std::string_view> kept;
  kept.reserve(names.size());
  for (const std::string_view name : names)
    kept.push_back(keep(name));
  return snapshot_->arena_.copy(std::span<const std::string_view>(kept));
}

void SnapshotBuilder::add(const Schema& row) {
  ++rows_;
  snapshot_->schemas_.push_back({row.oid, keep(row.name)});
}

void SnapshotBuilder::add(const Relation& row) {
  ++rows_;
  Relation& added = snapshot_->relations_.emplace_back(row);
  added.name = keep(row.name);
  added.columns = {};
  added.parents = added.children = {};
  added.rules = added.triggers = added.referenced_by = added.expressions = {};
  added.indexed = {};
  added.virtual_parts = {};
}

void SnapshotBuilder::add_column(Oid relation, const Column& row) {
  ++rows_;
  columns_.emplace_back(relation, row).second.name = keep(row.name);
}

void SnapshotBuilder::add_parent(Oid child, Oid parent) {
  ++rows_;
  parents_.emplace_back(child, parent);
}

void SnapshotBuilder::add_indexed(Oid relation, std::int16_t column) {
  ++rows_;
  indexed_.emplace_back(relation, column);
}

void SnapshotBuilder::add_virtual_part(Oid relation, VirtualPart part) {
  ++rows_;
  virtual_parts_.emplace_back(relation, part);
}

void SnapshotBuilder::add(const Rule& row) {
  ++rows_;
  Rule& added = snapshot_->rules_.emplace_back(row);
  added.name = keep(row.name);
  added.definition = keep(row.definition);
}

void SnapshotBuilder::add(const Trigger& row) {
  ++rows_;
  Trigger& added = snapshot_->triggers_.emplace_back(row);
  added.name = keep(row.name);
  added.old_table = keep(row.old_table);
  added.new_table = keep(row.new_table);
}

void SnapshotBuilder::add(const ForeignKey& row) {
  ++rows_;
  ForeignKey& added = snapshot_->foreign_keys_.emplace_back(row);
  added.columns = snapshot_->arena_.copy(row.columns);
  added.referenced_columns = snapshot_->arena_.copy(row.referenced_columns);
}

void SnapshotBuilder::add(const UniqueKey& row) {
  ++rows_;
  snapshot_->unique_keys_.emplace_back(row).columns = snapshot_->arena_.copy(row.columns);
}

void SnapshotBuilder::add(const Comment& row) {
  ++rows_;
  snapshot_->comments_.emplace_back(row).text = snapshot_->arena_.copy(row.text);
}

void SnapshotBuilder::add(const Expression& row) {
  ++rows_;
  snapshot_->expressions_.emplace_back(row).text = keep(row.text);
}

void SnapshotBuilder::add(const Function& row) {
  ++rows_;
  Function& added = snapshot_->functions_.emplace_back(row);
  added.name = keep(row.name);
  added.arguments = snapshot_->arena_.copy(row.arguments);
  added.names = keep_names(row.names);
  added.columns = keep_names(row.columns);
  added.support = snapshot_->arena_.copy(row.support);
  added.language = keep(row.language);
  added.body = keep(row.body);
  added.search_path = keep(row.search_path);
}

void SnapshotBuilder::add(const Operator& row) {
  ++rows_;
  snapshot_->operators_.emplace_back(row).name = keep(row.name);
}

void SnapshotBuilder::add(const Type& row) {
  ++rows_;
  Type& added = snapshot_->types_.emplace_back(row);
  added.name = keep(row.name);
  added.check = keep(row.check);
}

void SnapshotBuilder::add_check(Oid type, std::string_view definition) {
  ++rows_;
  checks_.emplace_back(type, keep(definition));
}

void SnapshotBuilder::add(const Cast& row) {
  ++rows_;
  snapshot_->casts_.push_back(row);
}

void SnapshotBuilder::add_unreadable(std::string_view catalog) {
  snapshot_->unreadable_.push_back(keep(catalog));
}

void SnapshotBuilder::add_wide_name(std::string_view name) {
  snapshot_->wide_names_.push_back(keep(name));
}

// Hands every relation its rows, as one run in the arena. Rows keep their order.
template <class T, class Give>
void SnapshotBuilder::give(Owned<T>& rows, const Give& to) {
  const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (!std::is_sorted(rows.begin(), rows.end(), before)) std::stable_sort(rows.begin(), rows.end(), before);
  std::vector<T> values;
  for (auto row = rows.begin(); row != rows.end();) {
    const Oid owner = row->first;
    values.clear();
    for (; row != rows.end() && row->first == owner; ++row)
      values.push_back(row->second);
    const Relation* const found = snapshot_->relation(owner);
    if (found == nullptr) continue;
    to(snapshot_->relations_[static_cast<std::size_t>(found - snapshot_->relations_.data())], values);
  }
  Owned<T>().swap(rows);
}

void SnapshotBuilder::give_relatives() {
  Arena& arena = snapshot_->arena_;
  give(columns_, [&](Relation& relation, std::vector<Column>& columns) {
    std::stable_sort(columns.begin(), columns.end(),
                     [](const Column& a, const Column& b) { return a.number < b.number; });
    relation.columns = arena.copy(std::span<const Column>(columns));
  });
  Owned<Oid> children;
  for (const auto& [child, parent] : parents_)
    children.emplace_back(parent, child);
  give(parents_, [&](Relation& relation, std::vector<Oid>& parents) {
    relation.parents = arena.copy(std::span<const Oid>(parents));
  });
  give(indexed_, [&](Relation& relation, std::vector<std::int16_t>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    relation.indexed = arena.copy(std::span<const std::int16_t>(numbers));
  });
  give(virtual_parts_, [&](Relation& relation, std::vector<VirtualPart>& parts) {
    std::sort(parts.begin(), parts.end(), [](const VirtualPart& a, const VirtualPart& b) {
      return std::tie(a.column, a.from) < std::tie(b.column, b.from);
    });
    relation.virtual_parts = arena.copy(std::span<const VirtualPart>(parts));
    snapshot_->has_virtual_columns_ = true;
  });
  give(children, [&](Relation& relation, std::vector<Oid>& oids) {
    std::sort(oids.begin(), oids.end());
    relation.children = arena.copy(std::span<const Oid>(oids));
  });
}

void SnapshotBuilder::give_rules() {
  Arena& arena = snapshot_->arena_;
  using Positions = std::vector<std::uint32_t>;
  Owned<std::uint32_t> rules, triggers, keys, expressions;
  for (std::uint32_t i = 0; i < count(snapshot_->rules_); ++i)
    rules.emplace_back(snapshot_->rules_[i].relation, i);
  for (std::uint32_t i = 0; i < count(snapshot_->triggers_); ++i)
    triggers.emplace_back(snapshot_->triggers_[i].relation, i);
  for (std::uint32_t i = 0; i < count(snapshot_->foreign_keys_); ++i)
    keys.emplace_back(snapshot_->foreign_keys_[i].referenced, i);
  for (std::uint32_t i = 0; i < count(snapshot_->expressions_); ++i)
    expressions.emplace_back(snapshot_->expressions_[i].relation, i);
  const auto kept = [&arena](const Positions& positions) {
    return arena.copy(std::span<const std::uint32_t>(positions));
  };
  give(rules, [&](Relation& relation, Positions& at) { relation.rules = kept(at); });
  give(triggers, [&](Relation& relation, Positions& at) { relation.triggers = kept(at); });
  give(keys, [&](Relation& relation, Positions& at) { relation.referenced_by = kept(at); });
  give(expressions, [&](Relation& relation, Positions& at) { relation.expressions = kept(at); });
}

void SnapshotBuilder::join_checks() {
  for (const auto& [owner, definition] : checks_) {
    const Type* const found = snapshot_->type(owner);
    if (found == nullptr) continue;
    Type& type = snapshot_->types_[static_cast<std::size_t>(found - snapshot_->types_.data())];
    if (type.check.empty()) {
      type.check = definition;
      continue;
    }
    std::string joined(type.check);
    joined.append("\n").append(definition);
    type.check = snapshot_->arena_.copy(std::string_view(joined));
  }
}

void SnapshotBuilder::sort_rows() {
  std::vector<std::string_view>& names = snapshot_->wide_names_;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  sort_by_name(snapshot_->relations_);
  sort_by_name(snapshot_->functions_);
  sort_by_name(snapshot_->operators_);
  sort_by_name(snapshot_->types_);
  sort_by(snapshot_->schemas_, [](const Schema& row) { return row.oid; });
  sort_by(snapshot_->casts_, [](const Cast& row) { return std::tie(row.source, row.target); });
  sort_by(snapshot_->rules_, [](const Rule& row) { return std::tie(row.relation, row.name); });
  sort_by(snapshot_->triggers_, [](const Trigger& row) { return std::tie(row.relation, row.name); });
  sort_by(snapshot_->foreign_keys_,
          [](const ForeignKey& row) { return std::tie(row.relation, row.referenced, row.on_update, row.on_delete); });
  sort_by(snapshot_->unique_keys_, [](const UniqueKey& row) {
    const std::int16_t first = row.columns.empty() ? std::int16_t{0} : row.columns.front();
    return std::tuple(row.relation, !row.primary, first);
  });
  sort_by(snapshot_->comments_, [](const Comment& row) { return std::tie(row.relation, row.column); });
  sort_by(snapshot_->expressions_, [](const Expression& row) { return std::tie(row.relation, row.kind, row.text); });
}

void SnapshotBuilder::index_oids() {
  index_by_oid(snapshot_->schema_by_oid_, snapshot_->schemas_);
  index_by_oid(snapshot_->relation_by_oid_, snapshot_->relations_);
  index_by_oid(snapshot_->type_by_oid_, snapshot_->types_);
  index_by_oid(snapshot_->function_by_oid_, snapshot_->functions_);
  index_by_oid(snapshot_->operator_by_oid_, snapshot_->operators_);
  const std::vector<Cast>& casts = snapshot_->casts_;
  snapshot_->cast_by_types_.reserve(casts.size());
  for (std::uint32_t i = 0; i < count(casts); ++i) {
    snapshot_->cast_by_types_.insert(hash_of(casts[i].source, casts[i].target), i, [&](std::uint32_t other) {
      return casts[other].source == casts[i].source && casts[other].target == casts[i].target;
    });
  }
}

void SnapshotBuilder::index_names() {
  const std::vector<Schema>& schemas = snapshot_->schemas_;
  snapshot_->schema_by_name_.reserve(schemas.size());
  for (std::uint32_t i = 0; i < count(schemas); ++i) {
    snapshot_->schema_by_name_.insert(hash_of(0, schemas[i].name), i,
                                      [&](std::uint32_t other) { return schemas[other].name == schemas[i].name; });
  }
  index_by_name(snapshot_->relation_by_name_, snapshot_->relations_);
  index_by_name(snapshot_->type_by_name_, snapshot_->types_);
  index_by_name(snapshot_->functions_by_name_, snapshot_->functions_);
  index_by_name(snapshot_->operators_by_name_, snapshot_->operators_);
}

std::shared_ptr<const Snapshot> SnapshotBuilder::build(std::uint64_t version, int server_version,
                                                       const Snapshot* previous) {
  snapshot_->version_ = version;
  snapshot_->server_version_ = server_version;
  sort_rows();
  index_oids();
  index_names();
  give_relatives();
  give_rules();
  join_checks();
  known_.clear();
  if (previous != nullptr && same_objects(*snapshot_, *previous)) snapshot_->version_ = previous->version_;
  return std::move(snapshot_);
}

}  // namespace dbgate::catalog
