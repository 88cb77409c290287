#include <algorithm>
#include <cctype>

#include "config/reader.h"

namespace dbgate::config {
namespace {

// NAMEDATALEN - 1: a rule for a longer one would never be in force, as the server has none.
constexpr std::size_t most_name_bytes = 63;

// In the shortest encoding that a server may have, a letter is one byte.
bool begins_letter(char c) {
  return (c & 0xc0) != 0x80;
}
std::size_t letters_of(std::string_view name) {
  return static_cast<std::size_t>(std::count_if(name.begin(), name.end(), begins_letter));
}

/// Reads names as PostgreSQL does: unquoted ones are folded to lower case (ASCII only), quoted ones are exact.
class NameParser {
 public:
  explicit NameParser(std::string_view text) : text_(text) {}

  bool name(std::string& result) {
    blanks();
    result.clear();
    if (take('*')) {
      result = "*";
      return true;
    }
    if (take('"')) {
      for (;;) {
        if (at_ >= text_.size()) return false;
        const char c = text_[at_++];
        if (c == '"' && !take('"')) return fits(result);
        result += c;
      }
    }
    while (at_ < text_.size() && is_name(text_[at_])) {
      const char c = text_[at_++];
      result += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return fits(result);
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void blanks() {
    while (at_ < text_.size() && text_[at_] == ' ')
      ++at_;
  }
  bool done() {
    blanks();
    return at_ == text_.size();
  }
  /// Everything up to the closing parenthesis or a comma.
  std::string_view argument() {
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != ')')
      ++at_;
    return text_.substr(start, at_ - start);
  }

 private:
  static bool fits(const std::string& name) { return !name.empty() && letters_of(name) <= most_name_bytes; }
  static bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string why_no_name(std::string_view text) {
  std::size_t longest = 0;
  std::size_t here = 0;
  for (const char c : text) {
    if (std::string_view(".,()\"").find(c) != std::string_view::npos)
      here = 0;
    else
      here += begins_letter(c);
    longest = std::max(longest, here);
  }
  return longest > most_name_bytes ? " (the server cuts names to 63 bytes: write what it has)" : "";
}

bool parse_table_pattern(std::string_view text, TablePattern& pattern) {
  NameParser parser(text);
  if (!parser.name(pattern.schema)) return false;
  if (parser.take('.')) {
    if (!parser.name(pattern.name)) return false;
  } else {
    if (pattern.schema != "*") return false;  // a schema must be written
    pattern.name = "*";
  }
  parser.blanks();
  if (!parser.take('(')) return parser.done();
  do {
    std::string column;
    if (!parser.name(column) || column == "*") return false;
    pattern.columns.push_back(std::move(column));
    parser.blanks();
  } while (parser.take(','));
  return parser.take(')') && parser.done();
}

bool parse_column_pattern(std::string_view text, Mask& mask) {
  NameParser parser(text);
  return parser.name(mask.schema) && parser.take('.') && parser.name(mask.relation) && parser.take('.') &&
         parser.name(mask.column) && mask.column != "*" && parser.done();
}

bool parse_column_name(std::string_view text, ConfinedColumn& column) {
  NameParser parser(text);
  if (!parser.name(column.column) || column.column == "*") return false;
  if (parser.done()) return true;
  column.schema = column.column;
  const bool named = parser.take('.') && parser.name(column.table) && parser.take('.') && parser.name(column.column);
  return named && parser.done() && column.schema != "*" && column.table != "*" && column.column != "*";
}

bool parse_function_pattern(std::string_view text, FunctionPattern& pattern) {
  if (text == "safe") {
    pattern.safe = true;
    return true;
  }
  NameParser parser(text);
  if (!parser.name(pattern.schema) || !parser.take('.') || !parser.name(pattern.name)) return false;
  parser.blanks();
  if (!parser.take('(')) return parser.done();
  pattern.any_arguments = false;
  parser.blanks();
  if (parser.take(')')) return parser.done();
  do {
    const std::string_view type = parser.argument();
    const std::size_t start = type.find_first_not_of(' ');
    if (start == std::string_view::npos) return false;
    pattern.types.emplace_back(type.substr(start, type.find_last_not_of(' ') + 1 - start));
    ++pattern.arguments;
  } while (parser.take(','));
  return parser.take(')') && parser.done();
}

}  // namespace dbgate::config
