#pragma once
#include <optional>
#include <vector>

#include "gateway/policy/engine.h"

namespace dbgate::policy {

/// The tables whose rows a statement reaches through a table: its children and partitions, theirs, and so on. None for
/// ONLY, and without a catalog.
std::vector<sql::QualifiedName> descendants_of(const sql::RelationUse& use, const NameContext& context);
/// The tables that show the rows of this one as theirs.
std::vector<sql::QualifiedName> ancestors_of(const sql::RelationUse& use, const NameContext& context);

/// Tables that TRUNCATE … CASCADE empties besides (PostgreSQL docs, TRUNCATE): those with foreign keys to this one or
/// its children, to those, and so on. None: without a catalog that has the table it cannot be told.
std::optional<std::vector<sql::QualifiedName>> truncated_with(const sql::RelationUse& use, const NameContext& context);

}  // namespace dbgate::policy
