#include "gateway/catalog/search_path.h"

#include <algorithm>

#include "gateway/sql/tokens.h"

namespace dbgate::catalog {
namespace {

// The schemas to look in: the one that is written, or those of the path.
template <class Look>
void in_schemas(const Snapshot& snapshot, const std::string& written, const SearchPath& path, const Look& look) {
  if (!written.empty()) {
    if (const Schema* const schema = snapshot.schema(written)) look(schema->oid);
    return;
  }
  for (const Oid schema : path.schemas) {
    if (look(schema)) return;
  }
}

bool takes(const Function& function, std::uint16_t arguments) {
  const auto most = static_cast<std::uint16_t>(function.arguments.size());
  if (function.variadic != 0 && arguments + 1 >= most) return true;
  return arguments <= most && arguments + function.defaults >= most;
}

}  // namespace

SearchPath read_search_path(const Snapshot& snapshot, std::string_view value) {
  SearchPath path;
  bool names_catalog = false;
  const auto tokens = sql::tokenize(value);
  if (!tokens) path.unsure = true;
  for (const sql::Token& token : tokens.value_or(std::vector<sql::Token>())) {
    if (token.kind == sql::TokenKind::punctuation && value[token.begin] == ',') continue;
    std::string name = sql::name_of(value, token);
    if (const auto literal = sql::plain_literal(value, token)) name = *literal;
    const bool is_name = token.kind <= sql::TokenKind::literal;
    if (name == "$user" || !is_name) path.unsure = true;
    names_catalog = names_catalog || name == "pg_catalog";
    const Schema* const schema = snapshot.schema(name);
    if (schema == nullptr) continue;
    if (std::find(path.schemas.begin(), path.schemas.end(), schema->oid) == path.schemas.end()) {
      path.schemas.push_back(schema->oid);
    }
  }
  const Schema* const system = snapshot.schema("pg_catalog");
  if (!names_catalog && system != nullptr) path.schemas.insert(path.schemas.begin(), system->oid);
  return path;
}

const Relation* find_relation(const Snapshot& snapshot, const sql::QualifiedName& name, const SearchPath& path) {
  const Relation* found = nullptr;
  in_schemas(snapshot, name.schema, path, [&](Oid schema) {
    found = snapshot.relation(schema, name.name);
    return found != nullptr;
  });
  return found;
}

const Type* find_type(const Snapshot& snapshot, const sql::QualifiedName& name, const SearchPath& path) {
  const Type* found = nullptr;
  in_schemas(snapshot, name.schema, path, [&](Oid schema) {
    found = snapshot.type(schema, name.name);
    return found != nullptr;
  });
  return found;
}

std::vector<const Function*> find_functions(const Snapshot& snapshot, const sql::FunctionUse& use,
                                            const SearchPath& path) {
  std::vector<const Function*> fitting, all;
  in_schemas(snapshot, use.name.schema, path, [&](Oid schema) {
    for (const Function& function : snapshot.functions(schema, use.name.name)) {
      all.push_back(&function);
      if (takes(function, use.arguments)) fitting.push_back(&function);
    }
    return false;
  });
  return fitting.empty() ? all : fitting;
}

std::vector<const Operator*> find_operators(const Snapshot& snapshot, const sql::QualifiedName& name,
                                            const SearchPath& path) {
  std::vector<const Operator*> found;
  in_schemas(snapshot, name.schema, path, [&](Oid schema) {
    for (const Operator& candidate : snapshot.operators(schema, name.name))
      found.push_back(&candidate);
    return false;
  });
  return found;
}

bool is_system_schema(const Snapshot& snapshot, Oid oid) {
  const Schema* const schema = snapshot.schema(oid);
  if (schema == nullptr) return false;
  return schema->name == "pg_catalog" || schema->name == "information_schema" || schema->name == "pg_toast";
}

std::optional<std::vector<std::string_view>> SnapshotColumns::columns_of(const sql::QualifiedName& name) const {
  const Relation* const relation = find_relation(snapshot_, name, path_);
  if (relation == nullptr) return std::nullopt;
  std::vector<std::string_view> columns;
  columns.reserve(relation->columns.size());
  for (const Column& column : relation->columns)
    columns.push_back(column.name);
  return columns;
}

}  // namespace dbgate::catalog
