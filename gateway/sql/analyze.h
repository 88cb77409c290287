#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/sql/facts.h"
#include "gateway/sql/prescan.h"
#include "gateway/sql/resolve_names.h"

namespace dbgate::sql {

/// The stack that a thread needs to analyse any text within the limits. The parser itself keeps its stack on the heap
/// and the walk is iterative; this leaves room for what the parser's actions and the scanner need.
inline constexpr std::size_t required_stack_bytes = 8u << 20;

/// Why a text is no statement, in PostgreSQL's own words.
struct ParseError {
  SqlState code = sqlstate::syntax_error;
  std::string message;
  std::string detail;
  std::string hint;
  int position = 0;  ///< 1-based, in characters, as in field P of ErrorResponse; 0: none
};

/// Exactly one of the three.
struct AnalyzeResult {
  std::optional<Script> script;
  std::optional<ParseError> parse_error;
  std::optional<Error> scan_error;
};

/// Scans, parses and reads the facts of a whole Query or Parse text; `tables`, if given, says which columns there are.
/// Works on any thread; never throws for any bytes.
/// `wanted`, if given, has Statement::values filled in.
AnalyzeResult analyze(std::string_view text, const ScanLimits& limits, const TableColumns* tables = nullptr,
                      const ValuesWanted* wanted = nullptr);

/// The major version of PostgreSQL whose grammar this is, such as 15.
int grammar_version() noexcept;

/// Checks that library and headers agree, on statements with known facts. Errors: XX000, and the process must not
/// start.
Result<> self_test();

}  // namespace dbgate::sql
