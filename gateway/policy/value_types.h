#pragma once
#include "gateway/catalog/resolver.h"
#include "gateway/sql/facts.h"

namespace dbgate::policy {

/// What types the arguments of calls and operators in one statement may have, as far as text and catalog tell.
class ValueTypes {
 public:
  ValueTypes(const sql::Statement& statement, const catalog::Resolver& resolver)
      : statement_(statement), resolver_(resolver) {}

  /// 0: the server chooses, or nobody can tell.
  catalog::Oid type_of(const sql::Argument& argument) const;
  /// Whether the server may pass the argument as a value of that type.
  bool may_be(const sql::Argument& argument, catalog::Oid wanted) const;
  /// Drops overloads that the server does not choose for these arguments.
  void prefer_text(const std::vector<sql::Argument>& arguments,
                   std::vector<const catalog::Function*>& candidates) const;
  /// Whether an expression of the statement may have that type.
  bool may_appear(catalog::Oid type) const;

 private:
  catalog::Oid type_of_column(const sql::QualifiedName& column) const;
  bool is_of_users(catalog::Oid type) const;
  bool is_row_of_statement(const catalog::Type& type) const;
  bool comes_from_function(const catalog::Type& type) const;

  const sql::Statement& statement_;
  const catalog::Resolver& resolver_;
};

}  // namespace dbgate::policy
