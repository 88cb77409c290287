#include "gateway/policy/calls.h"

#include <algorithm>

#include "gateway/catalog/type_names.h"
#include "gateway/policy/catalog_lists.h"

namespace dbgate::policy {
namespace {

using sql::FunctionForm;

std::string shown(const sql::QualifiedName& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
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
  if (use.form == FunctionForm::table_sample && (use.name.name == "system" || use.name.name == "bernoulli")) return {};
  std::string why = check_named(use);
  return why.empty() && context_.resolver != nullptr ? check_candidates(use) : why;
}

std::string CallJudge::check_operator(const sql::FunctionUse& use) const {
  if (!is_system(use.name)) return "no rule allows operator " + shown(use.name);
  if (context_.resolver == nullptr) return {};
  const catalog::Snapshot& snapshot = context_.resolver->snapshot();
  const catalog::Schema* const system = snapshot.schema("pg_catalog");
  for (const catalog::Operator* candidate : context_.resolver->operators(use.name)) {
    if (system != nullptr && candidate->schema == system->oid) continue;
    const catalog::Function* const function = snapshot.function(candidate->function);
    // Code that only superusers can install, and that computes on its operands.
    const bool native = function != nullptr && function->volatility != 'v' && !function->security_definer &&
                        (function->language == "c" || function->language == "internal");
    if (native || !may_appear(candidate->left) || !may_appear(candidate->right)) continue;
    if (function == nullptr || !granted(*function, false)) return "no rule allows operator " + shown(use.name);
  }
  return {};
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
  if (context_.resolver != nullptr && !possible(use).empty()) return {};
  const std::vector<std::string> schemas =
      unqualified ? context_.search_path : std::vector<std::string>{use.name.schema};
  const bool all = !schemas.empty() && std::all_of(schemas.begin(), schemas.end(), [&](const std::string& schema) {
    return allow_.function_granted(schema, use.name.name, use.arguments, procedure);
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

bool CallJudge::granted(const catalog::Function& function, bool procedure) const {
  return allow_.function_granted(*context_.resolver, function, procedure);
}

// The overloads that the server may choose (manual ch. 10.3), more where their choice takes types that the text alone
// does not tell.
std::vector<const catalog::Function*> CallJudge::possible(const sql::FunctionUse& use) const {
  std::vector<const catalog::Function*> candidates = context_.resolver->functions(use.name, use.arguments);
  const catalog::Snapshot& snapshot = context_.resolver->snapshot();
  std::vector<catalog::Oid> types;
  for (const sql::Argument& argument : use.types)
    types.push_back(type_of(argument));
  const auto exact = std::find_if(candidates.begin(), candidates.end(), [&](const catalog::Function* candidate) {
    return !types.empty() && std::find(types.begin(), types.end(), 0u) == types.end() &&
           std::equal(types.begin(), types.end(), candidate->arguments.begin(), candidate->arguments.end());
  });
  if (exact != candidates.end()) return {*exact};
  std::erase_if(candidates, [&](const catalog::Function* candidate) {
    for (std::size_t i = 0; i < candidate->arguments.size(); ++i) {
      const catalog::Oid wanted = candidate->arguments[i];
      if (i < types.size() && types[i] != 0 && candidate->variadic == 0 &&
          !catalog::converts(snapshot, types[i], wanted)) {
        return true;
      }
      if (i < types.size() && !may_appear(wanted)) return true;
    }
    return false;
  });
  return candidates;
}

catalog::Oid CallJudge::type_of(const sql::Argument& argument) const {
  switch (argument.kind) {
    case sql::Argument::Kind::typed: {
      const catalog::Type* const type = context_.resolver->type(argument.type);
      return type == nullptr ? 0 : type->oid;
    }
    case sql::Argument::Kind::column:
      return type_of_column(argument.type);
    case sql::Argument::Kind::untyped:
    case sql::Argument::Kind::other:
      break;
  }
  return 0;
}

// Of the tables that the statement names: known if nothing else can offer a column of that name.
catalog::Oid CallJudge::type_of_column(const sql::QualifiedName& column) const {
  catalog::Oid type = 0;
  for (const sql::Level& level : statement_.levels) {
    for (const sql::Source& source : level.sources) {
      if (source.kind == sql::Source::Kind::join && source.columns.empty()) continue;
      if (source.kind != sql::Source::Kind::relation || !source.columns.empty()) return 0;
      const catalog::Relation* const relation = context_.resolver->relation(statement_.relations[source.index].name);
      if (relation == nullptr) return 0;
      const auto found = std::find_if(relation->columns.begin(), relation->columns.end(),
                                      [&](const catalog::Column& candidate) { return candidate.name == column.name; });
      if (found == relation->columns.end()) continue;
      if (type != 0 && type != found->type) return 0;
      type = found->type;
    }
  }
  return type;
}

bool CallJudge::may_appear(catalog::Oid oid) const {
  const catalog::Snapshot& snapshot = context_.resolver->snapshot();
  const catalog::Type* const type = snapshot.type(oid);
  if (type == nullptr || context_.resolver->schema_name(type->schema) == "pg_catalog") return true;
  const auto is_or_holds = [&](catalog::Oid candidate) {
    const catalog::Type* const other = snapshot.type(candidate);
    return candidate == oid || other == nullptr || other->element == oid || other->base != 0 || other->relation != 0;
  };
  for (const sql::QualifiedName& name : statement_.types) {
    const catalog::Type* const cast = context_.resolver->type(name);
    if (cast == nullptr || is_or_holds(cast->oid)) return true;
  }
  for (const sql::RelationUse& use : statement_.relations) {
    const catalog::Relation* const relation = context_.resolver->relation(use.name);
    if (relation == nullptr) return true;
    for (const catalog::Column& column : relation->columns) {
      if (is_or_holds(column.type)) return true;
    }
  }
  // Functions of users may return it.
  for (const sql::FunctionUse& use : statement_.functions) {
    if (use.form == FunctionForm::operator_ || is_system_function(use.name.name)) continue;
    for (const catalog::Function* candidate : context_.resolver->functions(use.name, use.arguments)) {
      if (is_or_holds(candidate->result)) return true;
    }
  }
  return false;
}

}  // namespace dbgate::policy
