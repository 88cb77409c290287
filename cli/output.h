#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"

namespace dbgate::cli {

/// Objects with the API's member names, and which of them are shown where there is no room for all.
struct Listing {
  std::vector<std::string> columns;  ///< of a table; the first one is what -q prints
  boost::json::array items;
  std::vector<std::string> more = {};  ///< further columns of `wide`
  std::string empty = {};              ///< what a terminal is told if there are no items
};

/// Rows of text as they came from a database; without a value: NULL.
using Row = std::vector<std::optional<std::string>>;
struct Rows {
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

/// True for -o json and -o jsonl.
bool wants_json(const Options& options);
/// The format in force: what was asked for, else a table for a terminal and TSV for anything else.
std::string format_of(const Options& options);

/// Shows a listing in any of the formats. Throws Problem (usage) for --fields that nothing has.
void print_listing(const Options& options, const Listing& listing);
/// Shows one object: as names and values in a table, else as a listing of one; JSON shows it alone.
void print_object(const Options& options, const boost::json::object& object, const std::vector<std::string>& columns);
/// A JSON text and a new line.
void print_json(const boost::json::value& value);

/// Cells as each format writes them; `row` includes its end.
std::string separated_row(const std::string& format, const Row& row);
std::string table_text(const Rows& rows, bool headers);
std::string aligned_text(const Rows& rows, bool headers);
std::string markdown_text(const Rows& rows);

/// Text for a terminal, with its line ends: what could move the cursor, hide or reorder characters is spelt out, such
/// as
/// "\x1b" and "\u{202e}".
std::string printable(const std::string& text);

/// The text of a JSON value in a cell; none for null.
std::optional<std::string> cell_text(const boost::json::value& value);
/// A member by name, or by a path with dots; null if there is none.
const boost::json::value* member_at(const boost::json::object& object, const std::string& path);
/// A string member; empty if it is missing or no string.
std::string text_at(const boost::json::value& value, const std::string& path);

}  // namespace dbgate::cli
