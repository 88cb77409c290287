#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gateway/sql/parse_tree.h"
#include "gateway/sql/signs.h"

// What conditions say without any data. Inside sql/ only.
namespace dbgate::sql {

/// Whether a condition can be told without looking at rows.
enum class Truth : std::uint8_t {
  always,
  never,
  constant,  ///< it depends on no column, but not on what is written alone
  columns
};

/// Of a condition in a statement that changes `target`, whose alias counts as well; columns inside sub-selects are the
/// target's if they may be. Looks at a bounded part of a large condition: what is beyond counts as columns.
/// @param by_value  set if the answer rests on the value of a constant (Signs::by_value)
Truth truth_of(const void* condition, bool& by_value);

/// Whether a comparison, or a constant, holds whatever the row: 1=1, x=x, true. Not for conditions made of others.
Truth plain_truth(const void* expression, bool& by_value);

/// The columns that ANDed equalities hold to constants or parameters.
std::vector<std::string> equal_columns(const void* condition);

/// What casts are applied to; of very many, one of them.
const void* beneath_casts(const void* node);
/// A constant, whatever it is cast to.
const A_Const* constant_of(const void* node);
/// The text of a constant string; null for all else.
const char* string_constant(const void* node);
/// The operator of an expression, without its schema.
std::string_view operator_of(const A_Expr* expression);
/// The last part of a function's name.
std::string_view function_of(const FuncCall* call);

}  // namespace dbgate::sql
