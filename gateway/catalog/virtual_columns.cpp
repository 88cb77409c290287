#include "gateway/catalog/virtual_columns.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

namespace dbgate::catalog {

void each_virtual_part(const Snapshot& snapshot, const Relation& relation,
                       const std::function<void(std::string_view, std::string_view)>& visit) {
  if (!snapshot.has_virtual_columns()) return;
  std::unordered_set<Oid> seen{relation.oid};
  std::vector<const Relation*> pending{&relation};
  while (!pending.empty()) {
    const Relation& one = *pending.back();
    pending.pop_back();
    for (const VirtualPart& part : one.virtual_parts) {
      const std::string_view column = name_of_column(one, part.column);
      const std::string_view from = name_of_column(one, part.from);
      if (!column.empty() && !from.empty()) visit(column, from);
    }
    for (const Oid oid : one.children) {
      const Relation* const child = seen.insert(oid).second ? snapshot.relation(oid) : nullptr;
      if (child != nullptr) pending.push_back(child);
    }
  }
}

// A generated column cannot be made of another one: once round is all.
void add_virtual_parts(const Snapshot& snapshot, const Relation& relation, sql::ColumnUse& reads) {
  if (!snapshot.has_virtual_columns() || reads.names.empty()) return;
  std::vector<std::string_view> more;
  each_virtual_part(snapshot, relation, [&](std::string_view column, std::string_view from) {
    if (std::binary_search(reads.names.begin(), reads.names.end(), column)) more.push_back(from);
  });
  for (const std::string_view name : more)
    reads.add(name);
}

}  // namespace dbgate::catalog
