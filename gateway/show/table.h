#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/postgres/backend_messages.h"

namespace dbgate::show {

enum class Type : std::uint8_t { text, int4, int8, numeric };

struct Column {
  std::string name;
  Type type = Type::text;
};

/// Nothing is NULL. Numbers are whole, and never less than 0; where they do not fit their column, they are the largest
/// that do.
using Cell = std::variant<std::monostate, std::string, std::uint64_t>;
using Row = std::vector<Cell>;

/// A result.
struct Table {
  std::vector<Column> columns;
  std::vector<Row> rows;
};

/// The format codes of Bind: 0 is text, 1 is binary; none: text, one: for all columns.
using Formats = std::vector<std::int16_t>;

/// Appends RowDescription. `formats` fit the columns.
void describe(const std::vector<Column>& columns, const Formats& formats, std::string& out);
/// Appends DataRow.
void encode_row(const std::vector<Column>& columns, const Row& row, const Formats& formats, std::string& out);

}  // namespace dbgate::show
