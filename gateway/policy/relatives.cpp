#include "gateway/policy/relatives.h"

#include <unordered_set>

namespace dbgate::policy {
namespace {

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
      names.push_back({"", std::string(context.resolver->schema_name(other->schema)), std::string(other->name)});
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

}  // namespace dbgate::policy
