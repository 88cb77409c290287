#include "gateway/policy/calls.h"

#include <algorithm>
#include <span>

#include "gateway/catalog/type_names.h"
#include "gateway/policy/catalog_lists.h"
#include "gateway/policy/moved_names.h"
#include "gateway/policy/setting_rows.h"
#include "gateway/policy/value_types.h"

namespace dbgate::policy {
namespace {

using sql::FunctionForm;

std::string shown(const sql::QualifiedName& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
}

// Expressions in FROM have levels too.
bool is_one_query(const sql::Statement& statement) {
  return std::count_if(statement.levels.begin(), statement.levels.end(),
                       [](const sql::Level& level) { return !level.in_from; }) == 1;
}

std::string refusal(const sql::FunctionUse& use) {
  return std::string("no rule allows ") + (use.form == FunctionForm::procedure ? "CALL of " : "function ") +
         shown(use.name);
}

bool is_system(const sql::QualifiedName& name) {
  return name.schema.empty() || name.schema == "pg_catalog";
}

}  // namespace

std::string CallJudge::check(const sql::FunctionUse& use) const {
  if (use.sets) return {};  // judged as SET or SHOW
  if (use.form == FunctionForm::operator_) return check_operator(use);
  // Servers that do not have it take the word for a column.
  if (use.name.name == "system_user" && context_.resolver != nullptr &&
      context_.resolver->functions(use.name, 0).empty())
    return {};
  if (is_system(use.name) && use.name.name == "pg_show_all_settings" && reads_harmless_settings(allow_, statement_))
    return {};
  if (use.form == FunctionForm::table_sample && (use.name.name == "system" || use.name.name == "bernoulli")) return {};
  if (is_system(use.name) && (use.name.name == "pg_get_viewdef" || use.name.name == "pg_get_ruledef") &&
      !granted_by_name(use) && !shows_granted_definitions(use))
    return refusal(use) + " of objects without a right to them";
  std::string why = check_named(use);
  return why.empty() && context_.resolver != nullptr ? check_candidates(use) : why;
}

std::string CallJudge::check_operator(const sql::FunctionUse& use) const {
  if (!is_system(use.name)) return "no rule allows operator " + shown(use.name);
  if (context_.resolver == nullptr) return {};
  bool refused = false;
  context_.resolver->each_schema(use.name, [&](catalog::Oid schema) {
    if (schema == context_.resolver->system_schema()) return true;
    for (const catalog::Operator& candidate : context_.resolver->snapshot().operators(schema, use.name.name))
      refused = refused || !may_be_used(use, candidate);
    return !refused;
  });
  return refused ? "no rule allows operator " + shown(use.name) : std::string();
}

bool CallJudge::may_be_used(const sql::FunctionUse& use, const catalog::Operator& candidate) const {
  const catalog::Function* const function = context_.resolver->snapshot().function(candidate.function);
  // Code that only superusers can install, and that computes on its operands.
  const bool native = function != nullptr && function->volatility != 'v' && !function->security_definer &&
                      (function->language == "c" || function->language == "internal");
  if (native || !may_mean(use, candidate)) return true;
  return function != nullptr && granted(*function, false);
}

// Whether the server may choose the operator for any two of the operands that stand around its name (manual ch. 10.2).
bool CallJudge::may_mean(const sql::FunctionUse& use, const catalog::Operator& candidate) const {
  const ValueTypes values(statement_, *context_.resolver);
  const auto operators = context_.resolver->operators(use.name);
  const bool only_users = std::none_of(operators.begin(), operators.end(), [&](const catalog::Operator* other) {
    return (other->left == 0) == (candidate.left == 0) && context_.resolver->schema_name(other->schema) == "pg_catalog";
  });
  const auto may_be = [&](const sql::Argument& operand, catalog::Oid wanted) {
    if (wanted == 0) return true;
    // Beside the system's operators, an untyped constant becomes text or what is like it, or a type that is there.
    const bool constant = operand.kind == sql::Argument::Kind::untyped && !only_users;
    const catalog::Type* const type = context_.resolver->snapshot().type(wanted);
    if (constant && type != nullptr && type->category != 'S') return values.may_appear(wanted);
    return values.may_be(operand, wanted);
  };
  if (use.types.empty()) return true;
  for (std::size_t i = 0; i + 1 < use.types.size(); i += 2) {
    if (may_be(use.types[i], candidate.left) && may_be(use.types[i + 1], candidate.right)) return true;
  }
  return false;
}

bool CallJudge::allowed_as_system(const sql::FunctionUse& use) const {
  if (use.form == FunctionForm::procedure) return false;
  if (allow_.introspection && use.name.schema == "information_schema" && use.name.name == "_pg_expandarray")
    return true;
  if (!is_system(use.name)) return false;
  return is_harmless_function(use.name.name) || (allow_.safe_functions && is_safe_function(use.name.name)) ||
         (allow_.introspection && is_introspection_function(use.name.name)) ||
         (allow_.orm && is_orm_function(use.name.name));
}

// By name alone, as text stands.
std::string CallJudge::check_named(const sql::FunctionUse& use) const {
  if (allowed_as_system(use)) return {};
  if (use.form == FunctionForm::field && !is_harmful_field(use.name.name)) return {};
  const bool procedure = use.form == FunctionForm::procedure;
  const bool unqualified = use.name.schema.empty();
  if (unqualified && !procedure && use.form != FunctionForm::table_sample && is_system_function(use.name.name)) {
    if (allow_.function_granted("pg_catalog", use.name.name, use.arguments, false)) return {};
    return refusal(use);
  }
  // With a catalog the overloads that there are decide; without, all schemas that the name could be found in.
  const bool brought = context_.moved != nullptr && context_.moved->brings(use.name.name);
  if (context_.resolver != nullptr && !brought && !possible(use).empty()) return {};
  const std::span<const std::string> schemas =
      unqualified ? std::span(context_.search_path) : std::span(&use.name.schema, 1);
  const bool all = !schemas.empty() && std::all_of(schemas.begin(), schemas.end(), [&](const std::string& schema) {
    // What the catalog does not have may be any overload, made a moment ago.
    const std::size_t arguments = context_.resolver == nullptr ? use.arguments : RuleSet::any_number;
    return allow_.function_granted(schema, use.name.name, arguments, procedure);
  });
  return all ? std::string() : refusal(use);
}

std::string CallJudge::check_candidates(const sql::FunctionUse& use) const {
  const bool procedure = use.form == FunctionForm::procedure;
  const bool as_system = allowed_as_system(use);
  for (const catalog::Function* candidate : possible(use)) {
    const std::string_view schema = context_.resolver->schema_name(candidate->schema);
    const bool system = schema == "pg_catalog" || schema == "information_schema";
    if (system && as_system) continue;
    if (use.form == FunctionForm::field && system) continue;  // judged by its name
    if (!granted(*candidate, procedure)) return refusal(use) + " with these arguments";
  }
  return {};
}

bool CallJudge::granted_by_name(const sql::FunctionUse& use) const {
  return allow_.function_granted("pg_catalog", use.name.name, use.arguments, false);
}

bool CallJudge::may_read(const catalog::Relation& relation) const {
  const std::string schema(context_.resolver->schema_name(relation.schema));
  if (RuleSet::is_system_schema(schema)) return true;
  bool read = false;
  allow_.each_grant(schema, std::string(relation.name), [&](const TableGrant& grant) {
    read = grant.columns.empty() && grant.effects.test(static_cast<std::size_t>(sql::Effect::read));
    return !read;
  });
  return read;
}

// The one relation whose definition is asked for, as psql asks for it. Null: it may be any.
const catalog::Relation* CallJudge::defined(const sql::FunctionUse& use) const {
  const auto named = [&](const std::string& text) { return catalog::relation_by_text(*context_.resolver, text); };
  if (!use.constant.empty()) return named(use.constant);
  const sql::Argument* const argument = use.types.empty() ? nullptr : &use.types.front();
  if (argument == nullptr || argument->kind != sql::Argument::Kind::column || argument->type.name != "oid" ||
      !is_one_query(statement_))
    return nullptr;
  if (use.name.name == "pg_get_viewdef") {
    return statement_.of_oid_table == argument->type.schema ? named(statement_.of_oid) : nullptr;
  }
  return is_about_rules() ? named(statement_.rules_of) : nullptr;
}

bool CallJudge::is_about_rules() const {
  return is_one_query(statement_) && statement_.relations.size() == 1 &&
         statement_.relations.front().name.name == "pg_rewrite";
}

// Of one relation that may be read; of rules that are not views' queries, as psql asks for them; or of all there are,
// if all may be read.
bool CallJudge::shows_granted_definitions(const sql::FunctionUse& use) const {
  if (context_.resolver == nullptr) return false;
  const catalog::Relation* const one = defined(use);
  if (one != nullptr && may_read(*one)) return true;
  if (use.name.name == "pg_get_ruledef" && is_about_rules() && !use.types.empty() &&
      use.types.front().kind == sql::Argument::Kind::column && use.types.front().type.name == "oid") {
    if (statement_.without_view_rules || (one != nullptr && one->kind == catalog::RelationKind::table)) return true;
  }
  const catalog::Snapshot& snapshot = context_.resolver->snapshot();
  const auto rules = snapshot.rules();
  return std::all_of(rules.begin(), rules.end(), [&](const catalog::Rule& rule) {
    const catalog::Relation* const relation = snapshot.relation(rule.relation);
    return relation != nullptr && may_read(*relation);
  });
}

bool CallJudge::granted(const catalog::Function& function, bool procedure) const {
  return allow_.function_granted(*context_.resolver, function, procedure);
}

// The overloads that the server may choose (manual ch. 10.3), more where their choice takes types that the text alone
// does not tell.
std::vector<const catalog::Function*> CallJudge::possible(const sql::FunctionUse& use) const {
  std::vector<const catalog::Function*> candidates = context_.resolver->functions(use.name, use.arguments);
  if (candidates.empty() || use.types.empty()) return candidates;
  // type('constant') is a cast.
  const bool constant = use.types.size() == 1 && use.types.front().kind == sql::Argument::Kind::untyped;
  if (constant && is_system(use.name) && is_builtin_type(use.name.name)) return {};
  const ValueTypes values(statement_, *context_.resolver);
  std::vector<catalog::Oid> types;
  for (const sql::Argument& argument : use.types)
    types.push_back(values.type_of(argument));
  const bool all_known = std::find(types.begin(), types.end(), 0u) == types.end();
  std::vector<const catalog::Function*> exact;
  std::copy_if(
      candidates.begin(), candidates.end(), std::back_inserter(exact), [&](const catalog::Function* candidate) {
        return all_known &&
               std::equal(types.begin(), types.end(), candidate->arguments.begin(), candidate->arguments.end());
      });
  // Those of the same types in later schemas count: what stands in front may be gone when the server looks the name up
  // (each_meaning()). The system's own stay.
  if (!exact.empty() && exact.front()->schema == context_.resolver->system_schema()) exact.resize(1);
  if (!exact.empty() && context_.moved == nullptr) return exact;
  std::erase_if(candidates, [&](const catalog::Function* candidate) {
    // VARIADIC takes elements or an array.
    const std::size_t known = candidate->arguments.size() - (candidate->variadic != 0 ? 1 : 0);
    for (std::size_t i = 0; i < std::min(known, use.types.size()); ++i) {
      if (types[i] != 0 ? !catalog::converts(context_.resolver->snapshot(), types[i], candidate->arguments[i])
                        : !values.may_be(use.types[i], candidate->arguments[i]))
        return true;
    }
    return false;
  });
  // The one that the server would prefer may be gone by now.
  if (context_.moved == nullptr) values.prefer_text(use.types, candidates);
  return candidates;
}

}  // namespace dbgate::policy
