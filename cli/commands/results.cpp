#include "cli/commands/results.h"

#include <boost/json.hpp>
#include <iostream>

#include "cli/output.h"
#include "cli/result_rows.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

std::vector<std::string> names_of(const json::object& meta) {
  std::vector<std::string> names;
  const json::value* columns = meta.if_contains("columns");
  if (columns == nullptr || !columns->is_array()) return names;
  for (const json::value& column : columns->as_array())
    names.push_back(text_at(column, "name"));
  return names;
}

Row shown_row(const std::vector<std::string_view>& cells, std::size_t columns) {
  Row row;
  for (const std::string_view cell : cells)
    row.push_back(shown_cell(cell));
  row.resize(columns);
  return row;
}

/// csv and tsv: as rows come.
class SeparatedWriter final : public ResultWriter {
 public:
  SeparatedWriter(std::string format, bool headers) : format_(std::move(format)), headers_(headers) {}

  void begin(const json::object& meta) override {
    const auto names = names_of(meta);
    columns_ = names.size();
    if (headers_ && columns_ > 0) std::cout << separated_row(format_, Row(names.begin(), names.end()));
  }
  void rows(const std::string& line) override {
    for (const auto& cells : rows_of_line(line))
      std::cout << separated_row(format_, shown_row(cells, columns_));
    std::cout.flush();
  }
  void end() override { std::cout.flush(); }

 private:
  std::string format_;
  bool headers_;
  std::size_t columns_ = 0;
};

/// json: an array of objects for each result; jsonl: an object on each line. Cells are passed on as they came.
class JsonWriter final : public ResultWriter {
 public:
  explicit JsonWriter(bool lines) : lines_(lines) {}

  void begin(const json::object& meta) override {
    close();
    names_.clear();
    for (const std::string& name : names_of(meta))
      names_.push_back(json::serialize(json::value(name)));
    open_ = !lines_;
    if (open_) std::cout << '[';
    first_ = true;
  }
  void rows(const std::string& line) override {
    for (const auto& cells : rows_of_line(line)) {
      if (!lines_) std::cout << (first_ ? "\n" : ",\n");
      first_ = false;
      std::cout << '{';
      for (std::size_t i = 0; i < cells.size() && i < names_.size(); ++i)
        std::cout << (i > 0 ? "," : "") << names_[i] << ':' << cells[i];
      std::cout << '}' << (lines_ ? "\n" : "");
    }
    std::cout.flush();
  }
  void end() override {
    close();
    std::cout.flush();
  }

 private:
  void close() {
    if (open_) std::cout << (first_ ? "]\n" : "\n]\n");
    open_ = false;
  }

  std::vector<std::string> names_;
  bool lines_;
  bool open_ = false;
  bool first_ = true;
};

/// table, aligned and markdown: widths are known when all rows are there.
class TableWriter final : public ResultWriter {
 public:
  TableWriter(const Options& options, std::string format) : options_(options), format_(std::move(format)) {}

  void begin(const json::object& meta) override {
    close();
    rows_ = {names_of(meta), {}};
    open_ = !rows_.columns.empty();
  }
  void rows(const std::string& line) override {
    for (const auto& cells : rows_of_line(line))
      rows_.rows.push_back(shown_row(cells, rows_.columns.size()));
  }
  void end() override {
    close();
    page(options_, text_);
    text_.clear();
  }

 private:
  void close() {
    if (!open_) return;
    open_ = false;
    if (!text_.empty()) text_ += "\n";
    if (format_ == "markdown") {
      text_ += markdown_text(rows_);
    } else {
      const bool headers = !options_.no_headers;
      text_ += format_ == "aligned" ? aligned_text(rows_, headers) : table_text(rows_, headers);
    }
  }

  Options options_;
  std::string format_;
  Rows rows_;
  std::string text_;
  bool open_ = false;
};

}  // namespace

std::unique_ptr<ResultWriter> make_result_writer(const Options& options) {
  const std::string format = format_of(options);
  if (format == "json" || format == "jsonl") return std::make_unique<JsonWriter>(format == "jsonl");
  if (format == "csv" || format == "tsv") return std::make_unique<SeparatedWriter>(format, !options.no_headers);
  return std::make_unique<TableWriter>(options, format);
}

}  // namespace dbgate::cli
