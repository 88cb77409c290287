#include "cli/result_rows.h"

#include <boost/json.hpp>

namespace dbgate::cli {
namespace {

/// A place in JSON text. Everything stops at the end of the text, whatever stands there.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // The next value of any kind; empty if there is none.
  std::string_view value() {
    skip_blanks();
    const std::size_t begin = at_;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!skip_string()) return {};
      } else if (c == '[' || c == '{') {
        ++depth;
        ++at_;
      } else if (c == ']' || c == '}') {
        if (depth == 0) break;
        --depth;
        ++at_;
      } else if (c == ',' && depth == 0) {
        break;
      } else {
        ++at_;
      }
    }
    std::size_t end = at_;
    while (end > begin && (text_[end - 1] == ' ' || text_[end - 1] == '\r' || text_[end - 1] == '\n'))
      --end;
    return depth == 0 ? text_.substr(begin, end - begin) : std::string_view();
  }

  bool find_rows() {
    const std::size_t found = text_.find("\"rows\":");
    if (!text_.starts_with(R"({"type":"rows")") || found == std::string_view::npos) return false;
    at_ = found + 7;
    return true;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'))
      ++at_;
  }
  bool skip_string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return true;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::vector<std::string_view>> rows_of_line(std::string_view line) {
  std::vector<std::vector<std::string_view>> rows;
  Cursor at(line);
  if (!at.find_rows() || !at.take('[')) return rows;
  while (at.take('[')) {
    std::vector<std::string_view> row;
    while (!at.take(']')) {
      const std::string_view cell = at.value();
      if (cell.empty()) return {};
      row.push_back(cell);
      at.take(',');
    }
    rows.push_back(std::move(row));
    at.take(',');
  }
  return at.take(']') ? rows : std::vector<std::vector<std::string_view>>();
}

std::optional<std::string> shown_cell(std::string_view json_text) {
  if (json_text == "null") return std::nullopt;
  if (!json_text.starts_with('"')) return std::string(json_text);
  boost::system::error_code failed;
  const boost::json::value value = boost::json::parse({json_text.data(), json_text.size()}, failed);
  return failed || !value.is_string() ? std::string(json_text) : std::string(value.as_string());
}

}  // namespace dbgate::cli
