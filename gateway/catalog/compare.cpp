#include <algorithm>
#include <tuple>

#include "gateway/catalog/snapshot.h"

namespace dbgate::catalog {
namespace {

// All members of each struct, but for spans and statistics. A member that is forgotten here is a change that nobody
// sees: the bindings do not compile when a struct gets another one.
auto members(const Schema& row) {
  const auto& [oid, name] = row;
  return std::tie(oid, name);
}
auto members(const Column& row) {
  const auto& [name, type, typmod, number, generated, not_null] = row;
  return std::tie(name, type, typmod, number, generated);
}
auto members(const VirtualPart& row) {
  const auto& [column, from] = row;
  return std::tie(column, from);
}
auto members(const Relation& row) {
  const auto& [oid, schema, name, kind, row_security, rows, pages, columns, parents, children, rules, triggers, keys,
               expressions, indexed, virtual_parts] = row;
  return std::tie(oid, schema, name, kind, row_security);
}
auto members(const Rule& row) {
  const auto& [relation, name, event, instead, enabled, definition] = row;
  return std::tie(relation, name, event, instead, enabled, definition);
}
auto members(const Trigger& row) {
  const auto& [relation, function, name, type, enabled, old_table, new_table] = row;
  return std::tie(relation, function, name, type, enabled, old_table, new_table);
}
auto members(const ForeignKey& row) {
  const auto& [relation, referenced, on_update, on_delete, columns, referenced_columns] = row;
  return std::tie(relation, referenced, on_update, on_delete);
}
auto members(const Expression& row) {
  const auto& [relation, kind, text] = row;
  return std::tie(relation, kind, text);
}
auto members(const Function& row) {
  const auto& [oid, schema, name, kind, volatility, parallel, definer, set, strict, defaults, variadic, result,
               arguments, names, columns, language, body, support, search_path] = row;
  return std::tie(oid, schema, name, kind, volatility, parallel, definer, set, strict, defaults, variadic, result,
                  language, body, search_path);
}
auto members(const Operator& row) {
  const auto& [oid, schema, name, left, right, result, function] = row;
  return std::tie(oid, schema, name, left, right, result, function);
}
auto members(const Type& row) {
  const auto& [oid, schema, name, kind, category, preferred, relation, element, array, base, typmod, check] = row;
  return std::tie(oid, schema, name, kind, category, preferred, relation, element, array, base, typmod, check);
}
auto members(const Cast& row) {
  const auto& [source, target, function, context, method] = row;
  return std::tie(source, target, function, context, method);
}

template <class T>
bool same(std::span<const T> a, std::span<const T> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const T& one, const T& other) {
    if constexpr (requires { members(one); }) {
      return members(one) == members(other);
    } else {
      return one == other;
    }
  });
}

// What hangs on a relation by position (rules, triggers, keys) is equal where those lists are.
bool same_lists(const Relation& a, const Relation& b) {
  return same(a.columns, b.columns) && same(a.parents, b.parents) && same(a.children, b.children) &&
         same(a.indexed, b.indexed) && same(a.virtual_parts, b.virtual_parts);
}
bool same_lists(const Function& a, const Function& b) {
  return same(a.arguments, b.arguments) && same(a.names, b.names) && same(a.columns, b.columns) &&
         same(a.support, b.support);
}
bool same_lists(const ForeignKey& a, const ForeignKey& b) {
  return same(a.columns, b.columns) && same(a.referenced_columns, b.referenced_columns);
}

template <class T>
bool same_with_lists(std::span<const T> a, std::span<const T> b) {
  return same(a, b) &&
         std::equal(a.begin(), a.end(), b.begin(), [](const T& one, const T& other) { return same_lists(one, other); });
}

}  // namespace

bool same_objects(const Snapshot& a, const Snapshot& b) {
  return a.server_version() == b.server_version() && a.reads_utf8() == b.reads_utf8() &&
         same(a.wide_names(), b.wide_names()) && same(a.schemas(), b.schemas()) &&
         same_with_lists(a.relations(), b.relations()) && same_with_lists(a.all_functions(), b.all_functions()) &&
         same(a.rules(), b.rules()) && same(a.triggers(), b.triggers()) &&
         same_with_lists(a.foreign_keys(), b.foreign_keys()) && same(a.all_operators(), b.all_operators()) &&
         same(a.types(), b.types()) && same(a.casts(), b.casts()) && same(a.expressions(), b.expressions()) &&
         same(a.unreadable(), b.unreadable());
}

}  // namespace dbgate::catalog
