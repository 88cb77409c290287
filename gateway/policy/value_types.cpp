#include "gateway/policy/value_types.h"

#include <algorithm>

#include "gateway/catalog/type_names.h"
#include "gateway/policy/catalog_lists.h"

namespace dbgate::policy {
namespace {

using catalog::Oid;
using catalog::Relation;
using catalog::Snapshot;
using catalog::Type;
using sql::Argument;

// What a domain or an array is made of: whatever has that type is converted without anybody asking for it.
const Type* innermost(const Snapshot& snapshot, Oid oid) {
  const Type* type = snapshot.type(oid);
  for (int depth = 0; type != nullptr && depth < 32; ++depth) {
    const Oid next = type->base != 0 ? type->base : type->element;
    if (next == 0) return type;
    type = snapshot.type(next);
  }
  return nullptr;
}

// Whether a value of `candidate` is one of `type` or may hold one: what other rows are made of is not looked at.
bool is_or_holds(const Snapshot& snapshot, Oid candidate, const Type& type) {
  const Type* const other = innermost(snapshot, candidate);
  return other == nullptr || other->oid == type.oid || other->relation != 0;
}

bool is_or_inherits(const Snapshot& snapshot, const Relation& relation, Oid ancestor, int depth = 0) {
  if (relation.oid == ancestor || depth > 32) return true;
  return std::any_of(relation.parents.begin(), relation.parents.end(), [&](Oid oid) {
    const Relation* const parent = snapshot.relation(oid);
    return parent == nullptr || is_or_inherits(snapshot, *parent, ancestor, depth + 1);
  });
}

}  // namespace

Oid ValueTypes::type_of(const Argument& argument) const {
  if (argument.kind == Argument::Kind::column) return type_of_column(argument.type);
  if (argument.kind != Argument::Kind::typed) return 0;
  const Type* const type = resolver_.type(argument.type);
  return type == nullptr ? 0 : type->oid;
}

// Of the tables that the statement names: known if nothing else can offer a column of that name. The alias of a table
// is its row, where no column is in sight that is called so.
Oid ValueTypes::type_of_column(const sql::QualifiedName& column) const {
  Oid type = 0;
  for (const sql::Level& level : statement_.levels) {
    for (const sql::Source& source : level.sources) {
      if (column.schema.empty() && source.alias == column.name) return 0;
      if (source.kind == sql::Source::Kind::join && source.columns.empty()) continue;
      if (!column.schema.empty() && source.alias != column.schema) continue;
      if (source.kind != sql::Source::Kind::relation || !source.columns.empty()) return 0;
      const Relation* const relation = resolver_.relation(statement_.relations[source.index].name);
      if (relation == nullptr) return 0;
      const auto found = std::find_if(relation->columns.begin(), relation->columns.end(),
                                      [&](const catalog::Column& candidate) { return candidate.name == column.name; });
      // t.f is f(t) if t has no column f.
      if (found == relation->columns.end() && !column.schema.empty()) return 0;
      if (found == relation->columns.end()) continue;
      if (type != 0 && type != found->type) return 0;
      type = found->type;
    }
  }
  return type;
}

bool ValueTypes::may_be(const Argument& argument, Oid wanted) const {
  switch (argument.kind) {
    case Argument::Kind::untyped:
    case Argument::Kind::parameter:
    case Argument::Kind::any:
      return true;
    case Argument::Kind::typed:
    case Argument::Kind::column:
    case Argument::Kind::other:
      break;
  }
  const Oid type = type_of(argument);
  return type != 0 ? catalog::converts(resolver_.snapshot(), type, wanted) : may_appear(wanted);
}

bool ValueTypes::is_of_users(Oid oid) const {
  const Type* const type = resolver_.snapshot().type(oid);
  return type == nullptr || resolver_.schema_name(type->schema) != "pg_catalog";
}

// Of what the server may choose from when the text gives it constants without a type and parameters alone: it takes
// text where an overload does (manual ch. 10.3, step 4.e).
void ValueTypes::prefer_text(const std::vector<Argument>& arguments,
                             std::vector<const catalog::Function*>& candidates) const {
  bool declared = false;
  for (const Argument& argument : arguments) {
    if (argument.kind != Argument::Kind::untyped && argument.kind != Argument::Kind::parameter) return;
    declared = declared || argument.kind == Argument::Kind::parameter;
  }
  if (declared && statement_.declares_user_types) return;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto has = [&](const catalog::Function* candidate) {
      return candidate->variadic == 0 && i < candidate->arguments.size();
    };
    const auto takes_text = [&](const catalog::Function* candidate) {
      const Type* const type = has(candidate) ? resolver_.snapshot().type(candidate->arguments[i]) : nullptr;
      return type != nullptr && type->category == 'S' && type->preferred;
    };
    if (std::none_of(candidates.begin(), candidates.end(), takes_text)) continue;
    std::erase_if(candidates, [&](const catalog::Function* candidate) {
      // A parameter may be declared to be of any type of the system's.
      return has(candidate) && !takes_text(candidate) && (!declared || is_of_users(candidate->arguments[i]));
    });
  }
}

bool ValueTypes::may_appear(Oid oid) const {
  const Snapshot& snapshot = resolver_.snapshot();
  const Type* const type = innermost(snapshot, oid);
  if (type == nullptr || resolver_.schema_name(type->schema) == "pg_catalog") return true;
  if (statement_.declares_user_types || is_row_of_statement(*type) || comes_from_function(*type)) return true;
  const auto casts = snapshot.casts();
  const bool converted = std::any_of(casts.begin(), casts.end(), [&](const catalog::Cast& cast) {
    return cast.target == type->oid && cast.context == 'i';
  });
  if (converted) return true;
  for (const sql::QualifiedName& name : statement_.types) {
    const Type* const cast = resolver_.type(name);
    if (cast == nullptr || is_or_holds(snapshot, cast->oid, *type)) return true;
  }
  return std::any_of(statement_.relations.begin(), statement_.relations.end(), [&](const sql::RelationUse& use) {
    const Relation* const relation = resolver_.relation(use.name);
    return relation == nullptr ||
           std::any_of(relation->columns.begin(), relation->columns.end(),
                       [&](const catalog::Column& column) { return is_or_holds(snapshot, column.type, *type); });
  });
}

// A table in FROM is a value of its row type, and of the row types of its parents.
bool ValueTypes::is_row_of_statement(const Type& type) const {
  if (type.relation == 0) return false;
  return std::any_of(statement_.relations.begin(), statement_.relations.end(), [&](const sql::RelationUse& use) {
    const Relation* const relation = resolver_.relation(use.name);
    return relation == nullptr || is_or_inherits(resolver_.snapshot(), *relation, type.relation);
  });
}

bool ValueTypes::comes_from_function(const Type& type) const {
  for (const sql::FunctionUse& use : statement_.functions) {
    if (use.form == sql::FunctionForm::operator_ || is_system_function(use.name.name)) continue;
    for (const catalog::Function* candidate : resolver_.functions(use.name, use.arguments)) {
      if (is_or_holds(resolver_.snapshot(), candidate->result, type)) return true;
    }
  }
  return false;
}

}  // namespace dbgate::policy
