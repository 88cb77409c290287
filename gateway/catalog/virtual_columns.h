#pragma once
#include <functional>
#include <string_view>

#include "gateway/catalog/snapshot.h"
#include "gateway/sql/facts.h"

namespace dbgate::catalog {

/// Calls `visit(column, from)` with the names of every virtual generated column and of each column that it is computed
/// from, of the relation and of its children and partitions, whose expressions may be others.
void each_virtual_part(const Snapshot& snapshot, const Relation& relation,
                       const std::function<void(std::string_view, std::string_view)>& visit);

/// Adds to `reads`, columns of the relation, those that virtual ones among them are computed from: whoever reads the
/// one reads the others. They are no values: what is computed with them is not the statement's doing.
void add_virtual_parts(const Snapshot& snapshot, const Relation& relation, sql::ColumnUse& reads);

}  // namespace dbgate::catalog
