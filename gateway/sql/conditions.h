#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The values that a statement holds its columns to, for rules over values. Read only where somebody asks for them
// (analyze.h): most principals have no such rules.
namespace dbgate::sql {

class TableColumns;

/// What to look for.
struct ValuesWanted {
  std::vector<std::string> columns;  ///< names, sorted
};

/// A value as it is written: a constant or a parameter, with at most one cast around it.
struct Operand {
  enum class Kind : std::uint8_t {
    integer,
    number,
    string,
    boolean,  ///< text is "true" or "false"
    null,
    parameter,
    list,      ///< ARRAY[…] or IN (…)
    excluded,  ///< EXCLUDED.text, in ON CONFLICT
    column,    ///< no value of the client's
    other
  };
  Kind kind = Kind::other;
  std::string text;
  std::size_t parameter = 0;  ///< its number, from 1
  bool cast = false;
  std::string cast_schema;  ///< empty if not written
  std::string cast_type;
  bool cast_to_array = false;
  std::vector<Operand> elements;
};

/// Every row that the statement takes of this relation has a column equal to the operand.
struct Equality {
  std::size_t relation = static_cast<std::size_t>(-1);  ///< into Statement::relations
  std::string column;                                   ///< the relation's own name for it
  bool any = false;                                     ///< equal to one of the operand's elements
  Operand operand;
};

/// An equality among the ANDed conditions of a level, before its name is resolved.
struct WrittenEquality {
  enum class Of : std::uint8_t { all, left, right };  ///< sides of the join whose ON it stands in
  std::size_t level = 0;                              ///< where its names are looked up
  Of of = Of::all;
  std::string schema, qualifier, column;
  bool any = false;
  Operand operand;
};

/// A value that INSERT or UPDATE gives to a column.
struct Assignment {
  std::size_t relation = 0;
  std::string column;
  bool update = false;  ///< by SET
  Operand operand;
};

/// An INSERT; each of its rows has an assignment for every column that is given a value in sight.
struct Insertion {
  std::size_t relation = 0;
  std::size_t rows = 0;  ///< 0: they come from a query
};

/// LIMIT of one level.
struct LevelLimit {
  std::size_t level = 0;
  Operand count;
};

struct ValueFacts {
  std::vector<WrittenEquality> written;  ///< empty after resolution
  std::vector<Equality> equalities;
  std::vector<Assignment> assignments;
  std::vector<Insertion> insertions;
  std::vector<Operand> lists;  ///< of IN, and the arrays of ANY and ALL
  std::vector<LevelLimit> limits;
  std::vector<std::size_t> parameter_uses;  ///< how often $1, $2, … stand in the statement
  std::vector<Operand> arguments;           ///< of EXECUTE
  std::vector<Operand> parameter_types;     ///< of PREPARE: what a cast to each would be
  std::string reason;                       ///< why it is sent: of a comment at its head, see reason_of()
};

/// The reason in a comment that begins a statement: `/* reason: ticket 17 */` or `-- reason: ticket 17`. Blanks around
/// it and what is beyond 500 bytes are cut off; empty if there is none.
std::string reason_of(std::string_view statement);

/// Which parameters rules may look at; by number, from 0.
std::vector<bool> judged_parameters(const ValueFacts& values);

struct Statement;
/// Finds the columns that written equalities are about. What may be another column is left out.
void resolve_equalities(Statement& statement, const TableColumns* tables);

}  // namespace dbgate::sql
