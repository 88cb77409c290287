#include "gateway/catalog/definitions.h"

#include <algorithm>
#include <vector>

namespace dbgate::catalog {
namespace {

void add(std::string& out, std::string_view part) {
  out.append(std::to_string(part.size())).append(1, ':').append(part);
}

void add(std::string& out, std::uint64_t number) {
  out.append(std::to_string(number)).append(1, ';');
}

// What the server does by itself when rows change: in an order that does not rest on that of the catalog.
void add_consequences(std::string& out, const Snapshot& snapshot, const Relation& relation) {
  std::vector<std::string> all;
  for (const std::uint32_t index : relation.triggers) {
    const Trigger& trigger = snapshot.triggers()[index];
    std::string& one = all.emplace_back("t");
    add(one, trigger.name);
    add(one, trigger.function);
    add(one, static_cast<std::uint16_t>(trigger.type));
    add(one, std::uint64_t{trigger.enabled});
  }
  for (const std::uint32_t index : relation.referenced_by) {
    const ForeignKey& key = snapshot.foreign_keys()[index];
    std::string& one = all.emplace_back("k");
    add(one, key.relation);
    one.append(1, key.on_update).append(1, key.on_delete);
    for (const std::int16_t column : key.columns)
      add(one, static_cast<std::uint16_t>(column));
  }
  for (const std::uint32_t index : relation.expressions) {
    const Expression& expression = snapshot.expressions()[index];
    if (expression.kind == ExpressionKind::index) continue;
    std::string& one = all.emplace_back(1, static_cast<char>(expression.kind));
    add(one, expression.text);
  }
  std::sort(all.begin(), all.end());
  for (const std::string& one : all)
    add(out, one);
}

void add_relation(std::string& out, const Snapshot& snapshot, const Relation& relation) {
  add(out, relation.name);
  add(out, static_cast<std::uint64_t>(relation.kind));
  for (const Column& column : relation.columns) {
    add(out, column.name);
    add(out, column.type);
    add(out, static_cast<std::uint64_t>(column.number));
  }
  for (const std::uint32_t index : relation.rules) {
    const Rule& rule = snapshot.rules()[index];
    add(out, rule.name);
    add(out, static_cast<std::uint64_t>(rule.event));
    add(out, std::uint64_t{rule.enabled});
    add(out, rule.definition);
  }
  add_consequences(out, snapshot, relation);
}

}  // namespace

void append_definitions(std::string& out, const Snapshot& snapshot, const Reach& reach) {
  std::vector<Oid> relations;
  for (const Reach::OfRelation& of : reach.relations)
    relations.push_back(of.touch.relation);
  std::vector<Oid> functions;
  for (const Reach::OfFunction& of : reach.functions)
    functions.push_back(of.function);
  std::sort(relations.begin(), relations.end());
  std::sort(functions.begin(), functions.end());
  for (const Oid oid : relations) {
    add(out, oid);
    if (const Relation* const relation = snapshot.relation(oid)) add_relation(out, snapshot, *relation);
  }
  for (const Oid oid : functions) {
    add(out, oid);
    if (const Function* const function = snapshot.function(oid)) add(out, function->body);
  }
}

}  // namespace dbgate::catalog
