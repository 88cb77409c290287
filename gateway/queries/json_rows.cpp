#include "gateway/audit/json.h"
#include "gateway/queries/format.h"
#include "gateway/queries/json_values.h"

namespace dbgate::queries {
namespace {

/// Objects by column name, in an array or one on each line (https://jsonlines.org).
class JsonRows final : public Format {
 public:
  explicit JsonRows(bool lines) : lines_(lines) {}

  const char* content_type() const override { return lines_ ? "application/jsonl" : "application/json"; }

  Result<> begin(const std::vector<ports::QueryColumn>& columns, std::string& out) override {
    const std::vector<std::string> names = distinct_names(columns);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      types_.push_back(columns[i].type_oid);
      std::string key = i == 0 ? "{" : ",";
      audit::append_json_string(key, names[i]);
      keys_.push_back(key + ":");
    }
    if (!lines_) out += "[";
    return boost::system::in_place_value;
  }

  Result<> row(const Cells& cells, std::string& out) override {
    if (!lines_) out += first_ ? "\n" : ",\n";
    first_ = false;
    if (cells.empty()) out += "{";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out += keys_[i];
      append_json_value(out, types_[i], cells[i]);
    }
    out += lines_ ? "}\n" : "}";
    return boost::system::in_place_value;
  }

  Result<> end(std::string& out) override {
    if (!lines_) out += "\n]\n";
    return boost::system::in_place_value;
  }

 private:
  const bool lines_;
  bool first_ = true;
  std::vector<std::string> keys_;
  std::vector<std::uint32_t> types_;
};

}  // namespace

std::unique_ptr<Format> make_json(bool lines) {
  return std::make_unique<JsonRows>(lines);
}

}  // namespace dbgate::queries
