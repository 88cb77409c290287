#include "gateway/catalog/snapshot.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace dbgate::catalog {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device() | 1;
}

// Both halves of the product carry every bit of both factors.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class T>
const T* by_oid(const FlatIndex& index, const std::vector<T>& all, Oid oid) {
  const std::uint32_t at = index.find(hash_of(oid), [&](std::uint32_t i) { return all[i].oid == oid; });
  return at == FlatIndex::none ? nullptr : &all[at];
}

template <class T>
const T* by_name(const FlatIndex& index, const std::vector<T>& all, Oid schema, std::string_view name) {
  const auto same = [&](std::uint32_t i) { return all[i].schema == schema && all[i].name == name; };
  const std::uint32_t at = index.find(hash_of(schema, name), same);
  return at == FlatIndex::none ? nullptr : &all[at];
}

// The index leads to the first of a name; the others follow it.
template <class T>
std::span<const T> all_of_name(const FlatIndex& index, const std::vector<T>& all, Oid schema, std::string_view name) {
  const T* const first = by_name(index, all, schema, name);
  if (first == nullptr) return {};
  const T* last = first + 1;
  while (last != all.data() + all.size() && last->schema == schema && last->name == name)
    ++last;
  return {first, last};
}

template <class T>
std::size_t bytes_of(const std::vector<T>& values) {
  return values.capacity() * sizeof(T);
}

}  // namespace

std::uint64_t hash_of(std::uint32_t schema, std::string_view name) {
  static const std::uint64_t seed = random_seed();
  static const std::uint64_t second_seed = random_seed();
  std::uint64_t hash = mix(seed ^ schema, second_seed ^ name.size());
  for (std::size_t at = 0; at < name.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t piece = 0;
    std::memcpy(&piece, name.data() + at, std::min(sizeof piece, name.size() - at));
    hash = mix(hash ^ piece, second_seed);
  }
  return mix(hash, seed);
}

const Schema* Snapshot::schema(Oid oid) const {
  return by_oid(schema_by_oid_, schemas_, oid);
}

const Schema* Snapshot::schema(std::string_view name) const {
  const auto same = [&](std::uint32_t i) { return schemas_[i].name == name; };
  const std::uint32_t at = schema_by_name_.find(hash_of(0, name), same);
  return at == FlatIndex::none ? nullptr : &schemas_[at];
}

const Relation* Snapshot::relation(Oid oid) const {
  return by_oid(relation_by_oid_, relations_, oid);
}

const Relation* Snapshot::relation(Oid schema, std::string_view name) const {
  return by_name(relation_by_name_, relations_, schema, name);
}

const Type* Snapshot::type(Oid oid) const {
  return by_oid(type_by_oid_, types_, oid);
}

const Type* Snapshot::type(Oid schema, std::string_view name) const {
  return by_name(type_by_name_, types_, schema, name);
}

const Function* Snapshot::function(Oid oid) const {
  return by_oid(function_by_oid_, functions_, oid);
}

std::span<const Function> Snapshot::functions(Oid schema, std::string_view name) const {
  return all_of_name(functions_by_name_, functions_, schema, name);
}

std::span<const Operator> Snapshot::operators(Oid schema, std::string_view name) const {
  return all_of_name(operators_by_name_, operators_, schema, name);
}

const Operator* Snapshot::operator_of(Oid oid) const {
  return by_oid(operator_by_oid_, operators_, oid);
}

const Cast* Snapshot::cast(Oid source, Oid target) const {
  const auto same = [&](std::uint32_t i) { return casts_[i].source == source && casts_[i].target == target; };
  const std::uint32_t at = cast_by_types_.find(hash_of(source, target), same);
  return at == FlatIndex::none ? nullptr : &casts_[at];
}

std::string_view name_of_column(const Relation& relation, std::int16_t number) {
  const auto found = std::find_if(relation.columns.begin(), relation.columns.end(),
                                  [number](const Column& column) { return column.number == number; });
  return found == relation.columns.end() ? std::string_view() : found->name;
}

std::size_t Snapshot::memory_bytes() const noexcept {
  std::size_t bytes = sizeof(Snapshot) + arena_.memory_bytes();
  bytes += bytes_of(schemas_) + bytes_of(relations_) + bytes_of(functions_) + bytes_of(operators_) + bytes_of(types_);
  bytes += bytes_of(casts_) + bytes_of(rules_) + bytes_of(triggers_) + bytes_of(foreign_keys_) + bytes_of(unreadable_);
  bytes += bytes_of(expressions_) + bytes_of(unique_keys_) + bytes_of(comments_) + bytes_of(wide_names_);
  for (const FlatIndex* const index :
       {&schema_by_oid_, &schema_by_name_, &relation_by_oid_, &relation_by_name_, &type_by_oid_, &type_by_name_,
        &function_by_oid_, &functions_by_name_, &operator_by_oid_, &operators_by_name_, &cast_by_types_})
    bytes += index->memory_bytes();
  return bytes;
}

}  // namespace dbgate::catalog
