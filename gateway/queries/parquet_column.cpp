#include "gateway/queries/parquet_column.h"

#include <bit>
#include <charconv>
#include <cstdlib>

namespace dbgate::queries {
namespace {

// parquet.thrift: enum Type.
enum PhysicalType : std::int32_t {
  boolean_type = 0,
  int32_type = 1,
  int64_type = 2,
  float_type = 4,
  double_type = 5,
  byte_array_type = 6,
  fixed_type = 7
};
// enum ConvertedType, for readers older than logical types.
enum ConvertedType : std::int32_t { utf8 = 0, decimal = 5, date = 6, timestamp_micros = 10, int_16 = 16 };
constexpr std::int32_t plain = 0;  // enum Encoding
constexpr std::int32_t rle = 3;
constexpr std::int32_t optional_field = 1;  // enum FieldRepetitionType

PhysicalType physical(ValueKind kind, const Precision& precision) {
  switch (kind) {
    case ValueKind::boolean:
      return boolean_type;
    case ValueKind::int2:
    case ValueKind::int4:
    case ValueKind::date:
      return int32_type;
    case ValueKind::int8:
    case ValueKind::oid:
    case ValueKind::timestamp:
    case ValueKind::timestamptz:
      return int64_type;
    case ValueKind::float4:
      return float_type;
    case ValueKind::float8:
      return double_type;
    case ValueKind::numeric:
      return precision.digits > 0 ? fixed_type : byte_array_type;
    case ValueKind::bytea:
    case ValueKind::text:
      break;
  }
  return byte_array_type;
}

void append_bit(std::string& bits, std::size_t index, bool set) {
  if (index % 8 == 0) bits += '\0';
  if (set) bits.back() = static_cast<char>(static_cast<unsigned char>(bits.back()) | 1u << index % 8);
}

void describe_timestamp(ThriftWriter& thrift, bool in_utc) {
  thrift.i32(6, timestamp_micros);
  thrift.begin(10);
  thrift.begin(8);
  thrift.boolean(1, in_utc);
  thrift.begin(2);
  thrift.empty(2);  // MICROS
  thrift.end();
  thrift.end();
  thrift.end();
}

}  // namespace

ParquetColumn::ParquetColumn(std::string name, const ports::QueryColumn& column)
    : name_(std::move(name)), kind_(kind_of_type(column.type_oid)), precision_(precision_of(column.type_modifier)) {}

void ParquetColumn::describe(ThriftWriter& thrift) const {
  const PhysicalType type = physical(kind_, precision_);
  thrift.begin_item();
  thrift.i32(1, type);
  if (type == fixed_type) thrift.i32(2, decimal_bytes);
  thrift.i32(3, optional_field);
  thrift.text(4, name_);
  if (type == fixed_type) {
    thrift.i32(6, decimal);
    thrift.i32(7, precision_.scale);
    thrift.i32(8, precision_.digits);
    thrift.begin(10);
    thrift.begin(5);
    thrift.i32(1, precision_.scale);
    thrift.i32(2, precision_.digits);
    thrift.end();
    thrift.end();
  } else if (kind_ == ValueKind::text || kind_ == ValueKind::numeric) {
    thrift.i32(6, utf8);
    thrift.begin(10);
    thrift.empty(1);  // STRING
    thrift.end();
  } else if (kind_ == ValueKind::date) {
    thrift.i32(6, date);
    thrift.begin(10);
    thrift.empty(6);  // DATE
    thrift.end();
  } else if (kind_ == ValueKind::int2) {
    thrift.i32(6, int_16);
    thrift.begin(10);
    thrift.begin(10);  // INTEGER
    thrift.i8(1, 16);
    thrift.boolean(2, true);
    thrift.end();
    thrift.end();
  } else if (kind_ == ValueKind::timestamp || kind_ == ValueKind::timestamptz) {
    describe_timestamp(thrift, kind_ == ValueKind::timestamptz);
  }
  thrift.end();
}

bool ParquetColumn::add(std::optional<std::string_view> value) {
  append_bit(levels_, rows_++, value.has_value());
  return !value || store(*value);
}

bool ParquetColumn::store(std::string_view value) {
  switch (kind_) {
    case ValueKind::boolean:
      append_bit(values_, booleans_++, value == "t");
      return value == "t" || value == "f";
    case ValueKind::int2:
    case ValueKind::int4:
      return store_number<std::int32_t>(value);
    case ValueKind::int8:
    case ValueKind::oid:
      return store_number<std::int64_t>(value);
    case ValueKind::float4:
      return store_number<float>(value);
    case ValueKind::float8:
      return store_number<double>(value);
    case ValueKind::date: {
      const auto days = days_of(value);
      if (days) store_little_endian(static_cast<std::uint32_t>(*days), sizeof *days);
      return days.has_value();
    }
    case ValueKind::timestamp:
    case ValueKind::timestamptz: {
      const auto time = microseconds_of(value, kind_ == ValueKind::timestamptz);
      if (time) store_little_endian(static_cast<std::uint64_t>(*time), sizeof *time);
      return time.has_value();
    }
    case ValueKind::bytea: {
      const auto bytes = bytes_of(value);
      if (bytes) store_bytes(*bytes);
      return bytes.has_value();
    }
    case ValueKind::numeric: {
      if (precision_.digits == 0) break;
      const auto number = decimal_of(value, precision_.scale);
      if (number) values_.append(number->data(), number->size());
      return number.has_value();
    }
    case ValueKind::text:
      break;
  }
  store_bytes(value);
  return true;
}

// The server writes "Infinity" and "NaN", which from_chars reads as well.
template <class Number>
bool ParquetColumn::store_number(std::string_view value) {
  Number number{};
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size()) return false;
  using Bits = std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>;
  store_little_endian(std::bit_cast<Bits>(number), sizeof number);
  return true;
}

void ParquetColumn::store_little_endian(std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i)
    values_ += static_cast<char>(value >> (8 * i) & 0xff);
}

void ParquetColumn::store_bytes(std::string_view value) {
  store_little_endian(value.size(), 4);
  values_ += value;
}

// One page of encoding PLAIN, not compressed: definition levels in a single bit-packed run, then the values that are
// there (Parquet format, Encodings.md "PLAIN", "RLE / Bit-Packing Hybrid").
ParquetChunk ParquetColumn::write_page(std::string& out, std::int64_t offset) {
  std::string run;
  for (std::uint64_t header = levels_.size() << 1 | 1; header > 0 || run.empty(); header >>= 7)
    run += static_cast<char>(header >= 0x80 ? header | 0x80 : header);
  const std::size_t level_bytes = run.size() + levels_.size();
  const auto page_bytes = static_cast<std::int32_t>(4 + level_bytes + values_.size());
  const std::size_t before = out.size();
  ThriftWriter thrift(out);
  thrift.begin_item();  // PageHeader
  thrift.i32(1, 0);     // DATA_PAGE
  thrift.i32(2, page_bytes);
  thrift.i32(3, page_bytes);
  thrift.begin(5);
  thrift.i32(1, static_cast<std::int32_t>(rows_));
  thrift.i32(2, plain);
  thrift.i32(3, rle);
  thrift.i32(4, rle);
  thrift.end();
  thrift.end();
  for (std::size_t i = 0; i < 4; ++i)
    out += static_cast<char>(level_bytes >> (8 * i) & 0xff);
  out += run;
  out += levels_;
  out += values_;
  const ParquetChunk chunk{offset, static_cast<std::int64_t>(out.size() - before), static_cast<std::int64_t>(rows_)};
  levels_.clear();
  values_.clear();
  rows_ = booleans_ = 0;
  return chunk;
}

void ParquetColumn::describe(ThriftWriter& thrift, const ParquetChunk& chunk) const {
  thrift.begin_item();
  thrift.i64(2, 0);
  thrift.begin(3);  // ColumnMetaData
  thrift.i32(1, physical(kind_, precision_));
  thrift.list_of_i32(2, {plain, rle});
  thrift.list_of_text(3, name_);
  thrift.i32(4, 0);  // UNCOMPRESSED
  thrift.i64(5, chunk.values);
  thrift.i64(6, chunk.bytes);
  thrift.i64(7, chunk.bytes);
  thrift.i64(9, chunk.offset);
  thrift.end();
  thrift.end();
}

}  // namespace dbgate::queries
