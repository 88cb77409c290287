#pragma once
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// Where clients can write what they like into a statement without changing what it does.
namespace dbgate::tests {

/// The lines of tests/support/injection_strings.txt. Throws std::runtime_error if there are none.
inline std::vector<std::string> injection_strings(const std::string& tests_folder) {
  std::ifstream file(tests_folder + "/support/injection_strings.txt");
  std::vector<std::string> strings;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && !line.starts_with("# ")) strings.push_back(line);
  }
  if (strings.empty()) throw std::runtime_error("no injection strings in " + tests_folder);
  return strings;
}

inline std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

inline std::string in_literal(const std::string& text) {
  return "'" + replaced(text, "'", "''") + "'";
}
inline std::string in_identifier(const std::string& text) {
  return "\"" + replaced(text.empty() ? "x" : text, "\"", "\"\"") + "\"";
}
/// Of one block: it neither ends before its end nor holds another one.
inline std::string in_comment(const std::string& said) {
  std::string text = replaced(said, "*/", "* /");
  text = replaced(std::move(text), "/*", "/ *");
  return "/* " + text + " */";
}

/// A statement with a place in it, and what stands there when nobody tries anything.
struct Place {
  const char* before;
  const char* plain;
  const char* after;
  std::string (*quote)(const std::string&);
  bool is_value;  ///< it says nothing about the statement: the rating must stay what it is

  std::string with(const std::string& text) const { return before + quote(text) + after; }
  std::string without() const { return with(plain); }
};

inline const std::vector<Place>& injection_places() {
  static const std::vector<Place> places = {
      {"SELECT id FROM customers WHERE name = ", "x", "", in_literal, true},
      {"SELECT id FROM orders WHERE customer_id = 1 AND ", "x", " = 'a'", in_literal, true},
      {"UPDATE customers SET name = ", "x", " WHERE id = 1", in_literal, true},
      {"UPDATE customers SET name = ", "x", "", in_literal, true},
      {"INSERT INTO note (id, body) VALUES (1, ", "x", ")", in_literal, true},
      {"DELETE FROM note WHERE body = ", "x", "", in_literal, true},
      {"DELETE FROM orders WHERE 1 = 1 OR note = ", "x", "", in_literal, true},
      {"SELECT pg_read_file(", "x", ")", in_literal, true},
      {"COMMENT ON TABLE note IS ", "x", "", in_literal, true},
      {"SELECT id FROM note WHERE body = ", "x", " UNION SELECT NULL", in_literal, true},
      {"SELECT id AS ", "x", " FROM customers WHERE id = 1", in_identifier, false},
      {"SELECT ", "x", ".id FROM note x WHERE id = 1", in_identifier, false},
      {"DELETE FROM orders AS ", "x", "", in_identifier, false},
      {"DELETE FROM ", "x", "", in_identifier, false},
      {"GRANT ALL ON note TO ", "x", "", in_identifier, false},
      {"TRUNCATE ", "x", "", in_identifier, false},
      {"WITH a AS (SELECT 1) SELECT email AS ", "x", " FROM customers WHERE id = 1", in_identifier, false},
      {"", "x", " DELETE FROM orders", in_comment, false},
      {"DELETE FROM orders ", "x", "", in_comment, false},
      {"SELECT id ", "x", " FROM customers WHERE id = 1", in_comment, false},
      {"DROP ", "x", " TABLE orders", in_comment, false},
      {"ALTER SYSTEM ", "x", " SET fsync = off", in_comment, false},
      {"SELECT email ", "x", " FROM customers WHERE id = 1", in_comment, false},
      {"UPDATE orders SET total = 0 WHERE 1 = 1 ", "x", "", in_comment, false},
  };
  return places;
}

}  // namespace dbgate::tests
