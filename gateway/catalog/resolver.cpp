#include "gateway/catalog/resolver.h"

#include <algorithm>

#include "gateway/catalog/virtual_columns.h"

namespace dbgate::catalog {
namespace {

// Whether a call with `given` arguments may mean the function: defaults may be left out, VARIADIC takes any number, and
// the arguments of an ordered-set aggregate stand in two places.
bool takes(const Function& function, std::size_t given) {
  const std::size_t most = function.arguments.size();
  if (function.kind == 'a') return given <= most || function.variadic != 0;
  if (function.variadic != 0) return given + 1 + function.defaults >= most;
  return given <= most && given + function.defaults >= most;
}

}  // namespace

Resolver::Resolver(const Snapshot& snapshot, const std::vector<std::string>& search_path, std::string_view user)
    : snapshot_(snapshot) {
  if (const Schema* const system = snapshot_.schema("pg_catalog")) system_schema_ = system->oid;
  const auto add = [this](std::string_view name) {
    const Schema* const schema = snapshot_.schema(name);
    if (schema != nullptr && std::find(path_.begin(), path_.end(), schema->oid) == path_.end()) {
      path_.push_back(schema->oid);
    }
  };
  if (std::find(search_path.begin(), search_path.end(), "pg_catalog") == search_path.end()) add("pg_catalog");
  for (const std::string& name : search_path)
    add(name == "$user" ? user : std::string_view(name));
}

const Relation* Resolver::relation(const sql::QualifiedName& name) const {
  const Relation* found = nullptr;
  each_schema(name, [&](Oid schema) {
    found = snapshot_.relation(schema, name.name);
    return found == nullptr;
  });
  return found;
}

const Type* Resolver::type(const sql::QualifiedName& name) const {
  const Type* found = nullptr;
  each_schema(name, [&](Oid schema) {
    found = snapshot_.type(schema, name.name);
    return found == nullptr;
  });
  return found;
}

std::optional<std::vector<std::string_view>> Resolver::columns_of(const sql::QualifiedName& name) const {
  const Relation* const found = relation(name);
  if (found == nullptr) return std::nullopt;
  std::vector<std::string_view> columns;
  columns.reserve(found->columns.size());
  for (const Column& column : found->columns)
    columns.push_back(column.name);
  return columns;
}

void Resolver::add_computed_from(const sql::QualifiedName& name, sql::ColumnUse& reads) const {
  if (!snapshot_.has_virtual_columns()) return;
  const Relation* const found = relation(name);
  if (found != nullptr) add_virtual_parts(snapshot_, *found, reads);
}

std::vector<const Function*> Resolver::functions(const sql::QualifiedName& name, std::size_t arguments) const {
  std::vector<const Function*> found;
  each_schema(name, [&](Oid schema) {
    for (const Function& function : snapshot_.functions(schema, name.name)) {
      if (takes(function, arguments)) found.push_back(&function);
    }
    return true;
  });
  return found;
}

std::vector<const Operator*> Resolver::operators(const sql::QualifiedName& name) const {
  std::vector<const Operator*> found;
  each_schema(name, [&](Oid schema) {
    for (const Operator& candidate : snapshot_.operators(schema, name.name))
      found.push_back(&candidate);
    return true;
  });
  return found;
}

std::string_view Resolver::schema_name(Oid oid) const {
  const Schema* const schema = snapshot_.schema(oid);
  return schema == nullptr ? std::string_view() : schema->name;
}

}  // namespace dbgate::catalog
