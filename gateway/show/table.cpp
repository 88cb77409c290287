#include "gateway/show/table.h"

#include <algorithm>
#include <array>
#include <limits>

#include "protocol/postgres/field_writer.h"

namespace dbgate::show {
namespace {

namespace backend = protocol::backend;
using protocol::FieldWriter;

constexpr std::uint64_t numeric_base = 10'000;

// OID and size of the type (pg_type.dat).
backend::ColumnDescription described(const Column& column) {
  backend::ColumnDescription description;
  description.name = column.name;
  switch (column.type) {
    case Type::text:
      description.type_oid = 25;
      description.type_size = -1;
      break;
    case Type::int4:
      description.type_oid = 23;
      description.type_size = 4;
      break;
    case Type::int8:
      description.type_oid = 20;
      description.type_size = 8;
      break;
    case Type::numeric:
      description.type_oid = 1700;
      description.type_size = -1;
      break;
  }
  return description;
}

std::int16_t format_of(const Formats& formats, std::size_t column) {
  if (formats.empty()) return 0;
  return formats.size() == 1 ? formats.front() : formats[column];
}

std::uint64_t bounded(std::uint64_t number, Type type) {
  constexpr std::uint64_t most_int4 = std::numeric_limits<std::int32_t>::max();
  constexpr std::uint64_t most_int8 = std::numeric_limits<std::int64_t>::max();
  return std::min(number, type == Type::int4 ? most_int4 : most_int8);
}

// Int16 digits · Int16 weight of the first · Int16 sign · Int16 scale · digits of base 10000, the most significant
// first, none at the end that is 0 (numeric_send in numeric.c).
void write_numeric(std::uint64_t number, FieldWriter& writer) {
  std::array<std::uint16_t, 5> digits{};  // the least significant first: 2^64 has 20 decimal digits
  std::size_t count = 0;
  for (; number > 0; number /= numeric_base)
    digits[count++] = static_cast<std::uint16_t>(number % numeric_base);
  std::size_t zeros = 0;
  while (zeros < count && digits[zeros] == 0)
    ++zeros;
  writer.uint16(static_cast<std::uint16_t>(count - zeros));
  writer.int16(static_cast<std::int16_t>(count == 0 ? 0 : count - 1));
  writer.uint16(0);
  writer.uint16(0);
  for (std::size_t i = count; i > zeros; --i)
    writer.uint16(digits[i - 1]);
}

std::string binary(std::uint64_t number, Type type) {
  std::string out;
  FieldWriter writer(out);
  if (type == Type::int4) {
    writer.uint32(static_cast<std::uint32_t>(number));
  } else if (type == Type::int8) {
    writer.uint64(number);
  } else {
    write_numeric(number, writer);
  }
  return out;
}

std::string value_of(const Cell& cell, Type type, bool as_binary) {
  if (const auto* const text = std::get_if<std::string>(&cell)) return *text;
  const std::uint64_t number = bounded(std::get<std::uint64_t>(cell), type);
  return as_binary && type != Type::text ? binary(number, type) : std::to_string(number);
}

}  // namespace

void describe(const std::vector<Column>& columns, const Formats& formats, std::string& out) {
  std::vector<backend::ColumnDescription> list;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    list.push_back(described(columns[i]));
    list.back().format = format_of(formats, i);
  }
  std::string storage;
  backend::RowDescription{protocol::Repeated<backend::ColumnDescription>::lay_out(list, storage)}.encode(out);
}

void encode_row(const std::vector<Column>& columns, const Row& row, const Formats& formats, std::string& out) {
  std::vector<std::string> texts(columns.size());
  std::vector<protocol::Value> values(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (std::holds_alternative<std::monostate>(row[i])) continue;
    texts[i] = value_of(row[i], columns[i].type, format_of(formats, i) == 1);
    values[i] = protocol::as_bytes(texts[i]);
  }
  std::string storage;
  backend::DataRow{protocol::Repeated<protocol::Value>::lay_out(values, storage)}.encode(out);
}

}  // namespace dbgate::show
