#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace dbgate::sql {

/// What stands in a key where a constant was taken out: no text that is taken apart holds these characters.
inline constexpr char int4_mark = '\1';      ///< 0 to 999999999: always an int4
inline constexpr char int8_mark = '\2';      ///< of 11 to 18 digits: always an int8
inline constexpr char decimal_mark = '\3';   ///< 1.5
inline constexpr char string_mark = '\4';    ///< '…'
inline constexpr char wildcard_mark = '\5';  ///< '%…' and '_…' behind LIKE, unless there is nothing but %
inline constexpr char comment_mark = '\6';   ///< a comment at the end, as sqlcommenter writes it

/// Appends a statement text to `key` with those constants taken out whose value no fact depends on; the rest stands
/// byte for byte. Texts with equal keys have the same tokens but for the values of such constants, so PostgreSQL's
/// parser builds the same tree of both, and the walk never reads these values: their facts are equal, apart from
/// places in the text (Statement::begin, length, RelationUse::at, NameUse::at), Statement::shape, and Statement::values
/// where somebody asks for them. Why that is so, and how it is tested: docs/verdict-cache.md.
///
/// One pass, and a positive list at every step. One SELECT, INSERT, UPDATE or DELETE of plain ASCII; a constant is
/// taken out as an operand of a comparison or of arithmetic, as an element of an IN list or of a row of VALUES; never
/// inside the parentheses of a call or a type, never behind a word that counts positions or rows (ORDER BY, LIMIT).
///
/// A comment at the end is taken out as well, if it begins with a letter or a blank and is of printable ASCII: no rule reads it
/// (sql/trace_comment.h), and a statement that says its trace has another one each time.
///
/// @return false for every other text: other comments, quoted identifiers, escapes, dollar quotes, several statements.
///         `key` then holds anything.
/// Never allocates but for `key`.
bool append_blind(std::string_view text, std::string& key);

/// The same with all constants left where they are: texts with equal keys differ in that comment alone.
/// @return false for texts without such a comment, too
bool append_uncommented(std::string_view text, std::string& key);

}  // namespace dbgate::sql
