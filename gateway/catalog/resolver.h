#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gateway/catalog/snapshot.h"
#include "gateway/sql/resolve_names.h"

namespace dbgate::catalog {

/// Names of statements as one session's server resolves them (manual ch. 5.9.3): pg_catalog first unless the path says
/// where it stands, then the schemas of the path that exist. Temporary objects are nobody else's and not in the
/// catalog's snapshot. Cheap to make; lives as long as the snapshot.
class Resolver final : public sql::TableColumns {
 public:
  /// `search_path`: schema names as SET takes them; "$user" stands for `user`, the account on the server.
  Resolver(const Snapshot& snapshot, const std::vector<std::string>& search_path, std::string_view user);

  std::optional<std::vector<std::string_view>> columns_of(const sql::QualifiedName& relation) const override;
  void add_computed_from(const sql::QualifiedName& relation, sql::ColumnUse& reads) const override;

  /// Null: the snapshot knows none of that name.
  const Relation* relation(const sql::QualifiedName& name) const;
  const Type* type(const sql::QualifiedName& name) const;
  /// All functions that a call by that name with so many arguments may mean, over the whole path.
  std::vector<const Function*> functions(const sql::QualifiedName& name, std::size_t arguments) const;
  std::vector<const Operator*> operators(const sql::QualifiedName& name) const;
  /// Calls `visit(OID)` for the schemas in which the name is looked for, until it returns false.
  template <class Visit>
  void each_schema(const sql::QualifiedName& name, Visit&& visit) const {
    if (name.schema.empty()) {
      for (const Oid schema : path_) {
        if (!visit(schema)) return;
      }
    } else if (const Schema* const schema = snapshot_.schema(name.schema)) {
      visit(schema->oid);
    }
  }
  /// pg_catalog's OID; 0: the snapshot has none.
  Oid system_schema() const noexcept { return system_schema_; }

  std::string_view schema_name(Oid oid) const;
  const Snapshot& snapshot() const noexcept { return snapshot_; }

 private:
  const Snapshot& snapshot_;
  std::vector<Oid> path_;
  Oid system_schema_ = 0;
};

}  // namespace dbgate::catalog
