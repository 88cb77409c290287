#include "gateway/catalog/type_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace dbgate::catalog {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 19> standard_names = {{
    {"bigint", "int8"},
    {"bit varying", "varbit"},
    {"boolean", "bool"},
    {"char", "bpchar"},
    {"character", "bpchar"},
    {"character varying", "varchar"},
    {"dec", "numeric"},
    {"decimal", "numeric"},
    {"double precision", "float8"},
    {"float", "float8"},
    {"int", "int4"},
    {"integer", "int4"},
    {"real", "float4"},
    {"smallint", "int2"},
    {"time with time zone", "timetz"},
    {"time without time zone", "time"},
    {"timestamp with time zone", "timestamptz"},
    {"timestamp without time zone", "timestamp"},
    {"national character varying", "varchar"},
}};

// Without blanks at the ends.
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

// As PostgreSQL folds names: lower case for ASCII letters unless quoted.
std::string folded(std::string_view name) {
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
    return std::string(name.substr(1, name.size() - 2));
  std::string result(name);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace

const Type* type_by_text(const Resolver& resolver, std::string_view text) {
  text = trimmed(text);
  const bool array = text.ends_with("[]");
  if (array) text = trimmed(text.substr(0, text.size() - 2));
  sql::QualifiedName name;
  const std::size_t dot = text.find('.');
  if (dot != std::string_view::npos && !text.starts_with('"')) {
    name.schema = folded(text.substr(0, dot));
    name.name = folded(text.substr(dot + 1));
  } else {
    name.name = folded(text);
    const auto standard = std::find_if(standard_names.begin(), standard_names.end(),
                                       [&](const auto& entry) { return entry.first == name.name; });
    if (standard != standard_names.end()) name = {"", "pg_catalog", std::string(standard->second)};
  }
  const Type* const type = resolver.type(name);
  if (type == nullptr || !array) return type;
  return resolver.snapshot().type(type->array);
}

const Relation* relation_by_text(const Resolver& resolver, std::string_view text) {
  if (text.empty() || text.find('"') != std::string_view::npos) return nullptr;
  const bool number = text.find_first_not_of("0123456789") == std::string_view::npos;
  if (number) {
    Oid oid = 0;
    std::from_chars(text.data(), text.data() + text.size(), oid);
    return resolver.snapshot().relation(oid);
  }
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return resolver.relation({"", "", folded(trimmed(text))});
  return resolver.relation({"", folded(trimmed(text.substr(0, dot))), folded(trimmed(text.substr(dot + 1)))});
}

bool converts(const Snapshot& snapshot, Oid from, Oid to) {
  for (int depth = 0; depth < 32; ++depth) {
    if (from == to) return true;
    const Type* const target = snapshot.type(to);
    if (target == nullptr || target->kind == 'p') return true;  // anyelement, record, "any"; or nobody knows
    const Cast* const cast = snapshot.cast(from, to);
    if (cast != nullptr && cast->context == 'i') return true;
    const Type* const source = snapshot.type(from);
    if (source == nullptr) return true;
    if (target->kind == 'd') {
      to = target->base;
    } else if (source->kind == 'd') {
      from = source->base;
    } else if (source->element != 0 && target->element != 0) {
      from = source->element;
      to = target->element;
    } else {
      return source->relation != 0 && target->relation != 0;  // a row of a child is one of its parent
    }
  }
  return true;
}

}  // namespace dbgate::catalog
