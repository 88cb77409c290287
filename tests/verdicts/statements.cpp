#include "tests/verdicts/statements.h"

#include <algorithm>

#include <filesystem>
#include <fstream>

#include "gateway/sql/text_key.h"
#include "tests/verdicts/words.h"

namespace dbgate::tests {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The attack corpus writes control characters as \u000a.
std::string unescaped(const std::string& line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line.compare(i, 4, "\\u00") == 0 && i + 5 < line.size()) {
      const int code = std::stoi("0" + line.substr(i + 4, 2), nullptr, 16);
      text += static_cast<char>(code);
      i += 5;
    } else {
      text += line[i];
    }
  }
  return text;
}

}  // namespace

std::size_t Statements::read(const std::string& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".sql" && extension != ".txt") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (!line.empty() && line[0] != '#' && line[0] != '[' && line.size() < 2000) lines_.push_back(unescaped(line));
    }
  }
  return lines_.size();
}

std::string Statements::constant(char kind) {
  switch (kind) {
    case 'i':
      return once_in(4) ? std::to_string(below(1'000'000'000)) : one_of(small);
    case 'l':
      return one_of(large);
    case 'd':
      return one_of(decimals);
    case 's':
      return one_of(strings);
    default:
      return one_of(hostile);
  }
}

std::string Statements::any_constant() {
  constexpr char kinds[] = {'i', 'i', 'i', 'i', 'i', 's', 's', 's', 'l', 'd', 'h'};
  return constant(kinds[below(sizeof kinds - (tame_ ? 1 : 0))]);
}

std::string Statements::oper() {
  return tame_ ? operators[below(usual_operators)] : one_of(operators);
}

std::string Statements::column() {
  return tame_ ? columns[below(usual_columns)] : one_of(columns);
}
std::string Statements::table() {
  return tame_ ? tables[below(usual_tables)] : one_of(tables);
}

std::string Statements::list(std::size_t most, int depth) {
  std::string text = expression(depth);
  for (std::size_t i = below(most); i > 0; --i)
    text += ", " + expression(depth);
  return text;
}

std::string Statements::expression(int depth) {
  switch (depth <= 0 ? below(2) : below(14)) {
    case 0:
    case 2:
    case 3:
      return any_constant();
    case 1:
      return column();
    case 4:
      return expression(depth - 1) + " " + oper() + " " + expression(depth - 1);
    case 5:
      return expression(depth - 1) + oper() + expression(depth - 1);
    case 6:
      return "(" + expression(depth - 1) + ")";
    case 7:
      return one_of(functions) + "(" + list(3, depth - 1) + ")";
    case 8:
      return "CASE WHEN " + condition(depth - 1) + " THEN " + expression(depth - 1) + " ELSE " + expression(depth - 1) +
             " END";
    case 9:
      return "(" + select(depth - 1) + ")";
    case 10:
      return expression(depth - 1) + "::" + (once_in(2) ? "numeric(" + any_constant() + ")" : std::string("text"));
    case 11:
      return "ARRAY[" + list(3, depth - 1) + "][" + any_constant() + "]";
    case 12:
      return "sum(" + column() + ") OVER (PARTITION BY " + list(2, 0) + " ORDER BY " + any_constant() + ")";
    default:
      return "-" + expression(depth - 1);
  }
}

std::string Statements::condition(int depth) {
  const std::string left = once_in(4) ? expression(depth - 1) : column();
  switch (depth <= 0 ? below(3) : below(10)) {
    case 0:
    case 1:
    case 2:
      return left + " " + oper() + " " + any_constant();
    case 3:
      return left + " IN (" + list(4, once_in(3) ? 1 : 0) + ")";
    case 4:
      return left + " BETWEEN " + any_constant() + " AND " + any_constant();
    case 5:
      return left + (once_in(2) ? " LIKE " : " NOT ILIKE ") + any_constant();
    case 6:
      return condition(depth - 1) + (once_in(3) ? " OR " : " AND ") + condition(depth - 1);
    case 7:
      return "(" + condition(depth - 1) + ")";
    case 8:
      return left + " IN (" + select(depth - 1) + ")";
    default:
      return left + " IS DISTINCT FROM " + expression(depth - 1);
  }
}

std::string Statements::tail() {
  std::string text;
  if (once_in(5)) text += " GROUP BY " + list(2, 1);
  if (once_in(12)) text += " HAVING " + condition(1);
  if (once_in(4)) text += " ORDER BY " + list(3, 1) + (once_in(3) ? " DESC" : "");
  if (once_in(3)) text += " LIMIT " + any_constant();
  if (once_in(8)) text += " OFFSET " + any_constant();
  if (once_in(12)) text += " FETCH FIRST " + any_constant() + " ROWS ONLY";
  if (once_in(12)) text += " FOR UPDATE";
  return text;
}

std::string Statements::select(int depth) {
  std::string text = "SELECT ";
  if (once_in(8)) text += "DISTINCT ";
  if (once_in(10)) text += "DISTINCT ON (" + list(2, 0) + ") ";
  text += once_in(4) ? std::string("*") : list(3, depth);
  if (once_in(12)) text += " INTO made";
  if (!once_in(12)) text += " FROM " + table();
  if (once_in(5)) text += " JOIN " + table() + " ON (" + condition(1) + ")";
  if (!once_in(4)) text += " WHERE " + condition(depth);
  if (depth > 0 && once_in(8)) text += (once_in(2) ? " UNION ALL " : " EXCEPT ") + select(depth - 1);
  return text + tail();
}

std::string Statements::insert() {
  std::string text = "INSERT INTO " + table() + (once_in(2) ? " (aid, bid, delta)" : " ");
  if (once_in(4)) return text + " " + select(1);
  text += " VALUES (" + list(4, once_in(2) ? 1 : 0) + ")";
  for (std::size_t i = below(3); i > 0; --i)
    text += ", (" + list(4, 0) + ")";
  if (once_in(4)) text += " ON CONFLICT (aid) DO UPDATE SET bid = " + expression(1) + " WHERE " + condition(0);
  if (once_in(4)) text += " RETURNING " + list(2, 1);
  return text;
}

std::string Statements::update() {
  std::string text = "UPDATE " + table() + " SET " + column() + " = " + expression(2);
  if (once_in(3)) text += ", " + column() + " = " + expression(1);
  if (once_in(6)) text += ", (aid, bid) = (" + list(2, 0) + ")";
  if (once_in(6)) text += " FROM " + table();
  if (!once_in(4)) text += " WHERE " + condition(2);
  if (once_in(6)) text += " RETURNING " + list(2, 1);
  return text;
}

std::string Statements::delete_() {
  std::string text = "DELETE FROM " + table();
  if (once_in(6)) text += " USING " + table();
  return text + (once_in(4) ? "" : " WHERE " + condition(2));
}

// A piece taken out, doubled, or put elsewhere.
std::string Statements::damaged(std::string text) {
  if (text.empty()) return text;
  const std::size_t at = below(text.size());
  const std::size_t length = 1 + below(6);
  const std::string piece = text.substr(at, length);
  switch (below(4)) {
    case 0:
      return text.erase(at, length);
    case 1:
      return text.insert(at, piece);
    case 2:
      return text.insert(below(text.size()), any_constant());
    default:
      return text.insert(below(text.size()), piece);
  }
}

// One of templates, with constants for its question marks.
std::string Statements::usual() {
  std::string text;
  for (const char c : one_of(templates))
    text += c == '?' ? any_constant() : std::string(1, c);
  return text;
}

std::string Statements::make() {
  tame_ = !once_in(3);
  std::string text;
  switch (below(12)) {
    case 0:
    case 1:
      text = lines_.empty() ? select(2) : lines_[below(lines_.size())];
      break;
    case 2:
    case 3:
      text = insert();
      break;
    case 4:
    case 5:
      text = update();
      break;
    case 6:
      text = delete_();
      break;
    case 7:
    case 8:
      text = usual();
      break;
    default:
      text = select(2);
      break;
  }
  if (once_in(tame_ ? 20 : 4)) text = damaged(std::move(text));
  if (once_in(40)) text += "; " + select(1);
  const bool commented = once_in(4);
  if (commented && once_in(4)) text += ";";
  if (commented) text += (once_in(5) ? "" : " ") + comment();
  if (once_in(3)) text += ";";
  if (once_in(8)) text += " \n";
  return text;
}

std::string Statements::plain_comment() {
  static const char* const parts[] = {"traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'",
                                      "route='/%2Fa'",
                                      "x",
                                      "'",
                                      "\"",
                                      "--",
                                      "$$",
                                      ";",
                                      "\\",
                                      "oid",
                                      "LIMIT 5",
                                      "/",
                                      "*",
                                      " OR 1=1",
                                      "U&"};
  std::string said = one_of({"action='", "a", " ", "Z=", "db_driver='x',"});
  for (std::size_t i = below(4); i > 0; --i)
    said += parts[below(std::size(parts))];
  std::size_t at = said.find("/*");
  for (; at != std::string::npos; at = said.find("/*"))
    said.erase(at, 1);
  for (at = said.find("*/"); at != std::string::npos; at = said.find("*/"))
    said.erase(at, 1);
  if (said.back() == '/' || said.back() == '*') said += '.';
  return "/*" + said + "*/";
}

std::string Statements::comment() {
  if (!once_in(4)) return plain_comment();
  return one_of({"/*!x*/", "/*+ Set(a 1) */", "/* a */", "/*a/*b*/*/", "/*a*/ /*b*/", "/*a", "--x", "-- x\n",
                 "/*a\nb*/", "/*\xc3\xa9*/", "/*a\xc3\xa9*/", "/*a*/b", "/*/", "/*a*/ -- b", "/*a*/ LIMIT 1",
                 "/*a*/;;"});
}

std::string Statements::with_other_constants(const std::string& text) {
  std::string other;
  const bool wild = once_in(20);
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    char kind = '\0';
    if (is_digit(text[i])) {
      while (end < text.size() && is_digit(text[end]))
        ++end;
      kind = end - i <= 9 ? 'i' : 'l';
      if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
        for (++end; end < text.size() && is_digit(text[end]);)
          ++end;
        kind = 'd';
      }
    } else if (text[i] == '\'') {
      const std::size_t close = text.find('\'', i + 1);
      if (close != std::string::npos) end = close + 1, kind = 's';
    }
    if (kind == '\0') {
      other += text[i++];
      continue;
    }
    other += once_in(3) ? text.substr(i, end - i) : constant(wild && once_in(3) ? 'h' : kind);
    i = end;
  }
  return other;
}

namespace {

bool ends_in_like(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos || end < 3) return false;
  constexpr std::string_view word = "like";
  return std::equal(word.begin(), word.end(), text.begin() + static_cast<std::ptrdiff_t>(end - 3),
                    [](char a, char b) { return a == (b | 0x20); });
}

}  // namespace

std::string Statements::pattern(bool wildcard) {
  std::string made = constant('s');
  if (wildcard) return (below(2) == 0 ? "'%x" : "'_") + made.substr(1);
  while (made[1] == '%' || made[1] == '_')
    made = constant('s');
  return made;
}

std::string Statements::of_key(const std::string& key) {
  std::string text;
  for (const char c : key) {
    switch (c) {
      case sql::int4_mark:
        text += constant('i');
        break;
      case sql::int8_mark:
        text += constant('l');
        break;
      case sql::decimal_mark:
        text += constant('d');
        break;
      case sql::string_mark:
        text += ends_in_like(text) ? pattern(false) : constant('s');
        break;
      case sql::wildcard_mark:
        text += pattern(true);
        break;
      case sql::comment_mark:
        text += plain_comment();
        break;
      default:
        text += c;
    }
  }
  return text;
}

}  // namespace dbgate::tests
