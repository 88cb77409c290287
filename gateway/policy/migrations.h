#pragma once
#include <string_view>

#include "gateway/sql/facts.h"

// What the pack `migrator` knows of DDL. Inside policy/ only.
namespace dbgate::policy {

/// Whether migrations may do it: nothing that has code of users in it, and nothing that is in no schema.
bool is_migration(const sql::Statement& statement);
/// Whether the objects of such a statement are used as they are: operator classes and collations.
bool names_no_target(std::string_view tag);
/// Whether it is about types: without a schema they are made in the first one of the search path, and looked up there.
bool is_type_ddl(const sql::Statement& statement);

/// Whether a statement that makes tables names the relation as another one: it refers to it, inherits from it, is a
/// partition of it or is made like it.
bool is_beside_made(const sql::Statement& statement, const sql::QualifiedName& name);

}  // namespace dbgate::policy
