#include "gateway/sql/copy_options.h"

#include <algorithm>
#include <string>

namespace dbgate::sql {
namespace {

// As the server reads the option's value (defGetCopyHeaderChoice in its copy.c).
bool is_true(const Node* value) {
  if (value == nullptr) return true;
  if (nodeTag(value) == T_Integer) return as<Integer>(value)->ival == 1;
  if (nodeTag(value) == T_Boolean) return as<Boolean>(value)->boolval;
  std::string word(string_of(value));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return word == "true" || word == "on";
}

}  // namespace

bool has_header_line(const List* options) {
  bool header = false;
  const ListCell* cell = nullptr;
  foreach (cell, options) {
    const auto* option = as<DefElem>(lfirst(cell));
    if (std::string_view(option->defname) == "header") header = is_true(option->arg);
  }
  return header;
}

}  // namespace dbgate::sql
