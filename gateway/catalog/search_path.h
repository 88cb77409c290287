#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gateway/catalog/snapshot.h"
#include "gateway/sql/facts.h"
#include "gateway/sql/resolve_names.h"

namespace dbgate::catalog {

/// The schemas that names without one are looked up in, in order, pg_catalog included.
struct SearchPath {
  std::vector<Oid> schemas;
  bool unsure = false;  ///< names a schema that depends on who runs it ("$user")
  friend bool operator==(const SearchPath&, const SearchPath&) = default;
};

/// Reads the value of the setting search_path: names with commas between them, quoted where they need it. Schemas that
/// do not exist are left out, as the server leaves them out; pg_catalog comes first where it is not named.
SearchPath read_search_path(const Snapshot& snapshot, std::string_view value);

/// Null if there is none.
const Relation* find_relation(const Snapshot& snapshot, const sql::QualifiedName& name, const SearchPath& path);
const Type* find_type(const Snapshot& snapshot, const sql::QualifiedName& name, const SearchPath& path);
/// Functions that a call with so many arguments may mean, of all schemas of the path; all of the name if none takes so
/// many. Types of arguments are not looked at.
std::vector<const Function*> find_functions(const Snapshot& snapshot, const sql::FunctionUse& use,
                                            const SearchPath& path);
std::vector<const Operator*> find_operators(const Snapshot& snapshot, const sql::QualifiedName& name,
                                            const SearchPath& path);

/// pg_catalog, information_schema, pg_toast.
bool is_system_schema(const Snapshot& snapshot, Oid schema);

/// Columns as a snapshot knows them.
class SnapshotColumns : public sql::TableColumns {
 public:
  SnapshotColumns(const Snapshot& snapshot, const SearchPath& path) : snapshot_(snapshot), path_(path) {}
  std::optional<std::vector<std::string_view>> columns_of(const sql::QualifiedName& relation) const override;

 private:
  const Snapshot& snapshot_;
  const SearchPath& path_;
};

}  // namespace dbgate::catalog
