#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/ports/query_service.h"
#include "gateway/queries/column_types.h"
#include "gateway/queries/parquet_values.h"
#include "gateway/queries/thrift_compact.h"

namespace dbgate::queries {

/// Where the column chunk of one row group lies.
struct ParquetChunk {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  std::int64_t values = 0;
};

/// One column of a Parquet file: its place in the schema, and the values of the row group that is being filled.
class ParquetColumn {
 public:
  ParquetColumn(std::string name, const ports::QueryColumn& column);

  /// A SchemaElement (parquet.thrift), as an item of a list.
  void describe(ThriftWriter& thrift) const;
  /// False: the value cannot be stored as what the column is.
  bool add(std::optional<std::string_view> value);
  std::size_t bytes() const noexcept { return values_.size() + levels_.size(); }
  /// Writes what was added as one data page, and begins anew.
  ParquetChunk write_page(std::string& out, std::int64_t offset);
  /// A ColumnChunk.
  void describe(ThriftWriter& thrift, const ParquetChunk& chunk) const;
  const std::string& name() const noexcept { return name_; }

 private:
  bool store(std::string_view value);
  template <class Number>
  bool store_number(std::string_view value);
  void store_little_endian(std::uint64_t value, std::size_t width);
  void store_bytes(std::string_view value);

  const std::string name_;
  const ValueKind kind_;
  const Precision precision_;
  std::string levels_;  // one bit for each row: whether it has a value
  std::string values_;
  std::size_t rows_ = 0;
  std::size_t booleans_ = 0;
};

}  // namespace dbgate::queries
