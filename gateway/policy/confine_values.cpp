#include <algorithm>

#include "gateway/policy/confine.h"

// Whether a constant or a parameter is the value that a rule asks for.
namespace dbgate::policy {

using sql::Operand;
using State = Held::State;

namespace {

/// Of things that must all hold.
State both(State a, State b) {
  return std::max(a, b);
}

// A type that values are compared with the column in: its own, or another that holds numbers exactly.
bool compares(catalog::Oid type, catalog::Oid column) {
  const Family a = family_of(type), b = family_of(column);
  return a == b ? a != Family::none : is_number(a) && is_number(b);
}

}  // namespace

State ValueJudge::equals(const Operand& operand, const Column& column) const {
  if (operand.cast_to_array) return State::no;
  if (operand.kind == Operand::Kind::parameter) return parameter_equals(operand, column, false);
  return constant_equals(operand, column) ? State::yes : State::no;
}

State ValueJudge::any_equals(const Operand& operand, const Column& column) const {
  if (operand.kind == Operand::Kind::parameter) return parameter_equals(operand, column, true);
  // A cast of the array is one of its elements.
  Operand cast = operand;
  cast.cast_to_array = false;
  cast.elements.clear();
  if (operand.cast && !operand.cast_to_array) return State::no;
  State state = State::yes;
  if (operand.kind == Operand::Kind::list) {
    for (Operand element : operand.elements) {
      if (operand.cast) {
        if (element.cast) return State::no;
        element.cast = true;
        element.cast_schema = operand.cast_schema;
        element.cast_type = operand.cast_type;
      }
      state = both(state, equals(element, column));
    }
    return state;
  }
  if (operand.kind != Operand::Kind::string) return State::no;
  const auto elements = elements_of(operand.text);
  if (!elements) return State::no;
  for (const Element& element : *elements) {
    if (!element) continue;  // equal to nothing
    cast.text = *element;
    state = both(state, equals(cast, column));
  }
  return state;
}

bool ValueJudge::constant_equals(const Operand& operand, const Column& column) const {
  Family family = family_of(column.type);
  if (operand.cast) {
    const catalog::Oid type = cast_type(operand);
    if (!compares(type, column.type)) return false;
    family = family_of(type);
  }
  switch (operand.kind) {
    case Operand::Kind::string:
      break;
    case Operand::Kind::integer:
    case Operand::Kind::number:
      if (!is_number(family)) return false;
      break;
    case Operand::Kind::boolean:
      if (family != Family::boolean) return false;
      break;
    default:
      return false;
  }
  // A number of its own type may be one that the column's type cannot hold; equal it is not, then.
  if (operand.kind == Operand::Kind::number) family = Family::numeric;
  return canonical(family, operand.text) == column.wanted;
}

catalog::Oid ValueJudge::cast_type(const Operand& operand) const {
  const catalog::Type* const type = context_.resolver->type({"", operand.cast_schema, operand.cast_type});
  return type == nullptr ? 0 : type->oid;
}

State ValueJudge::parameter_equals(const Operand& operand, const Column& column, bool array) const {
  if (operand.cast && (operand.cast_to_array != array || !compares(cast_type(operand), column.type))) return State::no;
  if (arguments_ == nullptr) return State::pending;
  if (operand.parameter > arguments_->list.size()) return State::no;
  const Argument& argument = arguments_->list[operand.parameter - 1];
  const catalog::Oid type = server_type(operand, column, array, argument);
  if (type == 0) return State::no;
  return array ? array_equals(argument, type, column) : argument_equals(argument, type, column);
}

// The type that the server takes the parameter for, or that of its elements; 0: it cannot be told, or does not compare.
catalog::Oid ValueJudge::server_type(const Operand& operand, const Column& column, bool array,
                                     const Argument& argument) const {
  if (!is_undeclared(argument.type)) {
    catalog::Oid type = argument.type;
    if (array) {
      const catalog::Type* const found = context_.resolver->snapshot().type(type);
      type = found == nullptr ? 0 : found->element;
    }
    if (compares(type, column.type)) return type;
    // Of a text that is cast the server reads the value as it would read a literal.
    return operand.cast && family_of(type) == Family::text ? type : 0;
  }
  const catalog::Oid type = operand.cast ? cast_type(operand) : column.type;
  return used_alike(operand, column) || means_one_thing(argument, column) ? type : 0;
}

// Whether the text is the same value in every type that could be compared with the column. Numbers beyond 2^24 may be
// rounded (float4), and texts cut off ("char", name).
bool ValueJudge::means_one_thing(const Argument& argument, const Column& column) {
  constexpr std::size_t exact_digits = 7;
  if (argument.binary || argument.constant) return false;
  const Family family = family_of(column.type);
  return family != Family::text && (!is_number(family) || argument.bytes.size() <= exact_digits);
}

// A parameter without a type takes that of the place that the server comes to first. It is certain if all its places
// are alike.
bool ValueJudge::used_alike(const Operand& operand, const Column& column) const {
  const sql::ValueFacts& values = *statement_.values;
  const std::size_t number = operand.parameter;
  if (number > values.parameter_uses.size()) return false;
  std::size_t alike = 0;
  const auto look = [&](const Operand& other, std::size_t relation, const std::string& name) {
    if (other.kind != Operand::Kind::parameter || other.parameter != number) return;
    const bool same_cast = other.cast == operand.cast && other.cast_to_array == operand.cast_to_array &&
                           other.cast_type == operand.cast_type && other.cast_schema == operand.cast_schema;
    if (same_cast && (other.cast || type_of(relation, name) == column.type)) ++alike;
  };
  for (const sql::Equality& equality : values.equalities) {
    look(equality.operand, equality.relation, equality.column);
    if (!plain_list(equality.operand, column)) continue;
    for (const Operand& element : equality.operand.elements)
      look(element, equality.relation, equality.column);
  }
  for (const sql::Assignment& assignment : values.assignments)
    look(assignment.operand, assignment.relation, assignment.column);
  return alike == values.parameter_uses[number - 1];
}

// The elements of a list agree on a type: the column's, if none of them brings another.
bool ValueJudge::plain_list(const Operand& list, const Column& column) const {
  return std::all_of(list.elements.begin(), list.elements.end(), [&](const Operand& element) {
    if (element.cast) return list.elements.size() == 1;
    if (element.kind != Operand::Kind::parameter) {
      return element.kind == Operand::Kind::string || element.kind == Operand::Kind::integer;
    }
    if (arguments_ == nullptr || element.parameter > arguments_->list.size()) return false;
    const catalog::Oid declared = arguments_->list[element.parameter - 1].type;
    return is_undeclared(declared) || declared == column.type;
  });
}

catalog::Oid ValueJudge::type_of(std::size_t relation, const std::string& column) const {
  const catalog::Relation* const found = context_.resolver->relation(statement_.relations[relation].name);
  if (found == nullptr) return 0;
  for (const catalog::Column& candidate : found->columns) {
    if (candidate.name == column) return candidate.type;
  }
  return 0;
}

State ValueJudge::argument_equals(const Argument& argument, catalog::Oid type, const Column& column) const {
  const auto is = [&](const std::optional<std::string>& value) {
    return value && *value == column.wanted ? State::yes : State::no;
  };
  if (argument.constant) {
    // EXECUTE converts its arguments to the declared type.
    return compares(type, column.type) && constant_equals(*argument.constant, column) ? State::yes : State::no;
  }
  if (argument.null) return State::no;
  if (argument.binary && family_of(type) == family_of(column.type)) return is(canonical_binary(type, argument.bytes));
  if (argument.binary && is_number(family_of(type))) return is(canonical_binary(type, argument.bytes));
  // Text in binary format is the text itself, and is cast like one.
  const bool through_text = family_of(type) == Family::text;
  if (argument.binary && !through_text) return State::no;
  return is(canonical(through_text ? family_of(column.type) : family_of(type), argument.bytes));
}

State ValueJudge::array_equals(const Argument& argument, catalog::Oid element, const Column& column) const {
  if (argument.null) return State::yes;  // equal to nothing
  Argument one;
  State state = State::yes;
  if (argument.constant) return any_equals(*argument.constant, column);
  one.binary = argument.binary;
  const auto check = [&](const Element& value) {
    if (!value) return;
    one.bytes = *value;
    state = both(state, argument_equals(one, element, column));
  };
  if (argument.binary) {
    const auto array = binary_elements_of(argument.bytes);
    if (!array || (array->type != element && !array->elements.empty())) return State::no;
    for (const Element& value : array->elements)
      check(value);
    return state;
  }
  const auto elements = elements_of(argument.bytes);
  if (!elements) return State::no;
  for (const Element& value : *elements)
    check(value);
  return state;
}

}  // namespace dbgate::policy
