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
  bool granted_by_name(const sql::FunctionUse& use) const;
  bool may_read(const catalog::Relation& relation) const;
  const catalog::Relation* defined(const sql::FunctionUse& use) const;
  bool is_about_rules() const;
  bool shows_granted_definitions(const sql::FunctionUse& use) const;
  bool granted(const catalog::Function& function, bool procedure) const;

  std::vector<const catalog::Function*> possible(const sql::FunctionUse& use) const;
  bool may_be_used(const sql::FunctionUse& use, const catalog::Operator& candidate) const;
  bool may_mean(const sql::FunctionUse& use, const catalog::Operator& candidate) const;

  const RuleSet& allow_;
  const sql::Statement& statement_;
  const NameContext& context_;
};

}  // namespace dbgate::policy
