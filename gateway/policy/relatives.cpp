#include "gateway/policy/relatives.h"

#include <algorithm>
#include <unordered_set>

namespace dbgate::policy {
namespace {

sql::QualifiedName name_of(const catalog::Relation& relation, const NameContext& context) {
  return {"", std::string(context.resolver->schema_name(relation.schema)), std::string(relation.name)};
}

std::vector<sql::QualifiedName> reach(const sql::QualifiedName& name, const NameContext& context,
                                      std::span<const catalog::Oid> catalog::Relation::*next) {
  std::vector<sql::QualifiedName> names;
  if (context.resolver == nullptr) return names;
  const catalog::Relation* const start = context.resolver->relation(name);
  if (start == nullptr || (start->*next).empty()) return names;
  const catalog::Snapshot& snapshot = context.resolver->snapshot();
  std::unordered_set<catalog::Oid> seen{start->oid};
  std::vector<const catalog::Relation*> pending{start};
  while (!pending.empty()) {
    const catalog::Relation* const relation = pending.back();
    pending.pop_back();
    for (const catalog::Oid oid : relation->*next) {
      const catalog::Relation* const other = seen.insert(oid).second ? snapshot.relation(oid) : nullptr;
      if (other == nullptr) continue;
      names.push_back(name_of(*other, context));
      pending.push_back(other);
    }
  }
  return names;
}

}  // namespace

std::vector<sql::QualifiedName> descendants_of(const sql::RelationUse& use, const NameContext& context) {
  if (use.only) return {};
  return reach(use.name, context, &catalog::Relation::children);
}

std::vector<sql::QualifiedName> ancestors_of(const sql::RelationUse& use, const NameContext& context) {
  return reach(use.name, context, &catalog::Relation::parents);
}

std::optional<std::vector<sql::QualifiedName>> truncated_with(const sql::RelationUse& use, const NameContext& context) {
  const catalog::Relation* const start = context.resolver == nullptr ? nullptr : context.resolver->relation(use.name);
  if (start == nullptr) return std::nullopt;
  const catalog::Snapshot& snapshot = context.resolver->snapshot();
  std::vector<sql::QualifiedName> names;
  std::unordered_set<catalog::Oid> seen{start->oid};
  std::vector<const catalog::Relation*> pending{start};
  const auto add = [&](catalog::Oid oid) {
    const catalog::Relation* const other = seen.insert(oid).second ? snapshot.relation(oid) : nullptr;
    if (other == nullptr) return;
    names.push_back(name_of(*other, context));
    pending.push_back(other);
  };
  while (!pending.empty()) {
    const catalog::Relation* const relation = pending.back();
    pending.pop_back();
    for (const std::uint32_t key : relation->referenced_by)
      add(snapshot.foreign_keys()[key].relation);
    if (relation == start && use.only) continue;
    std::for_each(relation->children.begin(), relation->children.end(), add);
  }
  return names;
}

}  // namespace dbgate::policy
