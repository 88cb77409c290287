#include "gateway/queries/format.h"
#include "gateway/queries/parquet_column.h"

namespace dbgate::queries {
namespace {

constexpr std::string_view magic = "PAR1";
// What is held until it is written: a row group, or one row that is larger.
constexpr std::size_t row_group_bytes = 4u << 20;
constexpr std::int64_t row_group_rows = 65'536;

/// Apache Parquet, format version 1 (github.com/apache/parquet-format): optional columns, one page for each column of a
/// row group, PLAIN, not compressed. The footer holds a few dozen bytes for each column of each row group.
class Parquet final : public Format {
 public:
  const char* content_type() const override { return "application/vnd.apache.parquet"; }

  Result<> begin(const std::vector<ports::QueryColumn>& columns, std::string& out) override {
    if (columns.empty()) return Error(sqlstate::feature_not_supported, "a Parquet file needs at least one column");
    const std::vector<std::string> names = distinct_names(columns);
    for (std::size_t i = 0; i < columns.size(); ++i)
      columns_.emplace_back(names[i], columns[i]);
    out += magic;
    written_ = magic.size();
    return boost::system::in_place_value;
  }

  Result<> row(const Cells& cells, std::string& out) override {
    ++rows_;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!columns_[i].add(cells[i])) {
        return Error(SqlState{"22P02"},
                     "row " + std::to_string(total_rows_ + rows_) + " of column \"" + columns_[i].name() +
                         "\" holds a value that Parquet has no place for",
                     "Cast the column to text.");
      }
      bytes += columns_[i].bytes();
    }
    if (bytes >= row_group_bytes || rows_ >= row_group_rows) write_group(out);
    return boost::system::in_place_value;
  }

  Result<> end(std::string& out) override {
    if (rows_ > 0) write_group(out);
    const std::size_t before = out.size();
    write_footer(out);
    const std::size_t bytes = out.size() - before;
    for (std::size_t i = 0; i < 4; ++i)
      out += static_cast<char>(bytes >> (8 * i) & 0xff);
    out += magic;
    return boost::system::in_place_value;
  }

 private:
  struct Group {
    std::vector<ParquetChunk> chunks;
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
  };

  void write_group(std::string& out) {
    Group group;
    group.rows = rows_;
    for (ParquetColumn& column : columns_) {
      group.chunks.push_back(column.write_page(out, static_cast<std::int64_t>(written_)));
      written_ += static_cast<std::size_t>(group.chunks.back().bytes);
      group.bytes += group.chunks.back().bytes;
    }
    total_rows_ += std::exchange(rows_, 0);
    groups_.push_back(std::move(group));
  }

  // FileMetaData of parquet.thrift.
  void write_footer(std::string& out) const {
    ThriftWriter thrift(out);
    thrift.begin_item();
    thrift.i32(1, 1);
    thrift.list_of_structs(2, columns_.size() + 1);
    thrift.begin_item();
    thrift.text(4, "result");
    thrift.i32(5, static_cast<std::int32_t>(columns_.size()));
    thrift.end();
    for (const ParquetColumn& column : columns_)
      column.describe(thrift);
    thrift.i64(3, total_rows_);
    thrift.list_of_structs(4, groups_.size());
    for (const Group& group : groups_) {
      thrift.begin_item();
      thrift.list_of_structs(1, group.chunks.size());
      for (std::size_t i = 0; i < columns_.size(); ++i)
        columns_[i].describe(thrift, group.chunks[i]);
      thrift.i64(2, group.bytes);
      thrift.i64(3, group.rows);
      thrift.end();
    }
    thrift.text(6, "dbgate");
    thrift.end();
  }

  std::vector<ParquetColumn> columns_;
  std::vector<Group> groups_;
  std::size_t written_ = 0;
  std::int64_t rows_ = 0;  // of the group
  std::int64_t total_rows_ = 0;
};

}  // namespace

std::unique_ptr<Format> make_parquet() {
  return std::make_unique<Parquet>();
}

}  // namespace dbgate::queries
