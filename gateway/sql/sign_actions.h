#pragma once
#include <string_view>
#include <vector>

#include "gateway/sql/parse_tree.h"
#include "gateway/sql/signs.h"

// Inside sql/ only.
namespace dbgate::sql {

/// Adds what a piece of DDL, DCL or maintenance does, one for each of its parts. Of other nodes nothing.
void add_actions(const Node* statement, std::vector<Action>& actions);
/// Those about rights, roles and the server alone.
void add_right_actions(const Node* statement, std::vector<Action>& actions);

QualifiedName name_of(const RangeVar* relation);
/// Whether an option is given and not turned off: FULL, FULL true, FULL 1.
bool is_on(const DefElem* option);
bool has_option(const List* options, std::string_view name);

}  // namespace dbgate::sql
