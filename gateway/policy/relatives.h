#pragma once
#include <vector>

#include "gateway/policy/engine.h"

namespace dbgate::policy {

/// The tables whose rows a statement reaches through a table: its children and partitions, theirs, and so on. None for
/// ONLY, and without a catalog.
std::vector<sql::QualifiedName> descendants_of(const sql::RelationUse& use, const NameContext& context);
/// The tables that show the rows of this one as theirs.
std::vector<sql::QualifiedName> ancestors_of(const sql::RelationUse& use, const NameContext& context);

}  // namespace dbgate::policy
