#pragma once
#include <string>
#include <vector>

#include "gateway/catalog/resolver.h"
#include "gateway/policy/grants.h"

namespace dbgate::policy {

/// Decides on the functions and operators of one statement. With a catalog it knows the overloads that a call may mean,
/// and asks for the right to each of them; without, a call by that name with as many arguments.
class CallJudge {
 public:
  CallJudge(const RuleSet& allow, const sql::Statement& statement, const NameContext& context)
      : allow_(allow), statement_(statement), context_(context) {}

  /// Why the call is not allowed, or empty.
  std::string check(const sql::FunctionUse& use) const;

 private:
  std::string check_operator(const sql::FunctionUse& use) const;
  std::string check_named(const sql::FunctionUse& use) const;
  std::string check_candidates(const sql::FunctionUse& use) const;
  bool allowed_as_system(const sql::FunctionUse& use) const;
  bool granted(const catalog::Function& function, bool procedure) const;

  std::vector<const catalog::Function*> possible(const sql::FunctionUse& use) const;
  /// 0: the server chooses, or nobody can tell.
  catalog::Oid type_of(const sql::Argument& argument) const;
  catalog::Oid type_of_column(const sql::QualifiedName& column) const;
  /// Whether a value of a type that users made can be in the statement at all.
  bool may_appear(catalog::Oid type) const;

  const RuleSet& allow_;
  const sql::Statement& statement_;
  const NameContext& context_;
};

}  // namespace dbgate::policy
