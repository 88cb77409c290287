#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <set>
#include <sstream>

#include "gateway/sql/tokens.h"
#include "gateway/sql/words.h"
#include "tests/unit/models/briefed.h"
#include "tests/verdicts/statements.h"

// Nothing of a statement's text is in what models get: every word of it is of a list that is known beforehand.
namespace dbgate::models {
namespace {

namespace json = boost::json;

template <class Word>
void add_words(std::set<std::string>& words, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    words.emplace(sql::word_of(static_cast<Word>(i)));
}

// What may stand in a brief as a string, besides T1, C1, tags and magnitudes.
const std::set<std::string>& vocabulary() {
  static const std::set<std::string> words = [] {
    std::set<std::string> all = {"read",    "computed_with", "written", "update",       "delete", "person",
                                 "agent",   "service",       "table",   "user_defined", "int4",   "text",
                                 "varchar", "unknown",       "0",       "more than 1e9"};
    add_words<sql::Effect>(all, static_cast<std::size_t>(sql::Effect::count_));
    add_words<sql::Sign>(all, static_cast<std::size_t>(sql::Sign::count_));
    add_words<sql::StatementKind>(all, static_cast<std::size_t>(sql::StatementKind::other) + 1);
    add_words<sql::SettingAction>(all, static_cast<std::size_t>(sql::SettingAction::discard) + 1);
    add_words<sql::Where>(all, static_cast<std::size_t>(sql::Where::cursor) + 1);
    add_words<sql::ActionKind>(all, static_cast<std::size_t>(sql::ActionKind::create_table) + 1);
    for (const risk::Rule* rule : risk::all_rules()) {
      all.insert(rule->id);
      all.insert(rule->title);
    }
    for (int level = 0; level < 5; ++level)
      all.emplace(risk::word_of(static_cast<risk::Level>(level)));
    for (double count = 1; count < 1e10; count *= 10) {
      std::ostringstream text;
      if (count >= 1e9) break;
      all.insert(count < 10    ? "1-9"
                 : count < 100 ? "10-99"
                 : count < 1e3 ? "100-999"
                 : count < 1e4 ? "1e3-1e4"
                 : count < 1e5 ? "1e4-1e5"
                 : count < 1e6 ? "1e5-1e6"
                 : count < 1e7 ? "1e6-1e7"
                 : count < 1e8 ? "1e7-1e8"
                               : "1e8-1e9");
    }
    return all;
  }();
  return words;
}

// All members that a brief may have.
const std::set<std::string, std::less<>>& members() {
  static const std::set<std::string, std::less<>> names = {"statement",
                                                           "relations",
                                                           "functions",
                                                           "changes",
                                                           "actions",
                                                           "settings",
                                                           "signs",
                                                           "literals",
                                                           "rules",
                                                           "caller",
                                                           "kind",
                                                           "tag",
                                                           "effects",
                                                           "inside",
                                                           "returning",
                                                           "holdable_cursor",
                                                           "read_write",
                                                           "has_unknown_construct",
                                                           "queries",
                                                           "id",
                                                           "known",
                                                           "system_catalog",
                                                           "rows",
                                                           "row_security",
                                                           "triggers",
                                                           "referenced_by",
                                                           "sensitive_columns",
                                                           "has_where",
                                                           "reads_whole_rows",
                                                           "writes_whole_rows",
                                                           "columns",
                                                           "further_columns",
                                                           "unknown_columns",
                                                           "type",
                                                           "uses",
                                                           "sensitive",
                                                           "arguments",
                                                           "built_in",
                                                           "volatile",
                                                           "security_definer",
                                                           "aggregate",
                                                           "does",
                                                           "where",
                                                           "relation",
                                                           "unlinked_tables",
                                                           "columns_held_equal",
                                                           "cascade",
                                                           "concurrently",
                                                           "without_scan",
                                                           "wide",
                                                           "rewrites_rows",
                                                           "lock_mode",
                                                           "local",
                                                           "limit",
                                                           "longest_list",
                                                           "rows_given",
                                                           "level",
                                                           "hits",
                                                           "title",
                                                           "in_transaction",
                                                           "holds_lock",
                                                           "statements_in_message"};
  return names;
}

bool is_number_of(std::string_view text, char letter) {
  return text.size() > 1 && text[0] == letter && text.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

// The parser's own words: "SELECT", "ALTER … RENAME".
bool is_tag(std::string_view text) {
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ \xE2\x80\xA6") == std::string_view::npos;
}

// Whatever is said in a brief, a line each; `strange`: the first thing that is of no list.
void say(const json::value& value, std::string_view name, std::string& all, std::string& strange) {
  if (const json::object* const object = value.if_object()) {
    for (const auto& [key, member] : *object) {
      const std::string_view known = key;
      if (!members().contains(known)) strange = known;
      all += std::string(known) + "\n";
      say(member, known, all, strange);
    }
  } else if (const json::array* const array = value.if_array()) {
    for (const json::value& one : *array)
      say(one, name, all, strange);
  } else if (const json::string* const text = value.if_string()) {
    const bool fine = (name == "tag" && is_tag(*text)) || is_number_of(*text, 'T') || is_number_of(*text, 'C') ||
                      vocabulary().contains(text->c_str());
    if (!fine) strange = "\"" + std::string(*text) + "\"";
    all += std::string(*text) + "\n";
  }
}

// Literals, quoted names and whatever is no token: comments.
std::vector<std::string> written_by_the_client(std::string_view text) {
  std::vector<std::string> parts;
  const auto tokens = sql::tokenize(text);
  if (!tokens) return parts;
  std::size_t behind = 0;
  for (const sql::Token& token : *tokens) {
    parts.emplace_back(text.substr(behind, token.begin - behind));
    behind = token.end;
    if (token.kind == sql::TokenKind::literal || token.kind == sql::TokenKind::quoted_word)
      parts.emplace_back(text.substr(token.begin, token.end - token.begin));
  }
  parts.emplace_back(text.substr(behind));
  return parts;
}

constexpr std::size_t window = 6;

// All of it that may be in a brief, whatever the statement.
const std::string& known_text() {
  static const std::string all = [] {
    std::string text;
    for (const std::string& word : vocabulary())
      text += word + "\n";
    for (const std::string& name : members())
      text += name + "\n";
    return text;
  }();
  return all;
}

class Leaks : public testing::Test {
 protected:
  void check(const std::string& text) {
    for (const Brief& brief : briefed_.of(text)) {
      ++checked_;
      std::string said, strange;
      say(json::parse(brief.body), "", said, strange);
      ASSERT_EQ(strange, "") << text << "\n" << brief.body;
      ASSERT_LT(brief.body.size(), 16'000u) << text;
      for (const std::string& part : written_by_the_client(text)) {
        for (std::size_t at = 0; at + window <= part.size(); ++at) {
          const std::string piece = part.substr(at, window);
          if (said.find(piece) == std::string::npos || known_text().find(piece) != std::string::npos) continue;
          ASSERT_TRUE(is_tag(piece)) << piece << "\n" << text << "\n" << brief.body;
        }
      }
    }
  }
  const Briefed briefed_;
  std::size_t checked_ = 0;
};

TEST_F(Leaks, NoneInTheLinesOfTests) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(TESTS_DIR)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".sql" && extension != ".txt") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (line.size() < 20'000) check(line);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(checked_, 1'000u);
}

TEST_F(Leaks, NoneInTheCorporaOfFuzzers) {
  for (const char* corpus : {"sql", "shape", "rewrite", "verdict_key", "policy"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(TESTS_DIR "/fuzz/corpus/") + corpus)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      if (text.size() < 20'000) check(text);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(checked_, 100u);
}

TEST_F(Leaks, NoneInTheQuotedTextsOfPrograms) {
  for (const char* folder : {"e2e", "oracle", "integration"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(TESTS_DIR "/") + folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) {
        const std::size_t begin = line.find('"'), end = line.rfind('"');
        if (begin == end || line.size() > 4'000) continue;
        check(line.substr(begin + 1, end - begin - 1));
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GT(checked_, 300u);
}

TEST_F(Leaks, NoneInStatementsThatAreMade) {
  tests::Statements statements(17);
  statements.read(TESTS_DIR "/integration");
  for (int i = 0; i < 3'000 && !HasFatalFailure(); ++i)
    check(statements.make());
  EXPECT_GT(checked_, 1'000u);
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

TEST_F(Leaks, InjectionsChangeNothing) {
  const std::vector<std::string> strings = injection_strings();
  ASSERT_GE(strings.size(), 300u);
  const auto statements_with = [](const std::string& text) {
    const std::string comment = replaced(replaced(text, "*/", "* /"), "/*", "/ *");
    const std::string literal = "'" + replaced(text, "'", "''") + "'";
    const std::string name = "\"" + replaced(text, "\"", "\"\"") + "\"";
    return std::vector<std::string>{"SELECT id, name FROM customers WHERE name = 'a' /* " + comment + " */ AND id > 5",
                                    "-- " + comment + "\nUPDATE orders SET total = 1 WHERE id = 2",
                                    "DELETE FROM orders WHERE id = 5 AND customer_id = 6 -- " + comment,
                                    "SELECT id FROM customers WHERE name = " + literal + " AND email <> " + literal,
                                    "INSERT INTO note (id, body) VALUES (1, " + literal + ")",
                                    "INSERT INTO note (id, body) VALUES (1, $inj$" + text + "$inj$)",
                                    "SELECT id AS " + name + " FROM customers WHERE id = 1",
                                    "SELECT " + name + ".id FROM customers AS " + name + " WHERE id = 1",
                                    "SELECT * FROM " + name + " WHERE id = 1",
                                    "SELECT " + name + " FROM orders WHERE id = 1",
                                    "WITH " + name + " AS (SELECT id FROM note) SELECT id FROM " + name,
                                    "DECLARE " + name + " CURSOR FOR SELECT id FROM note",
                                    "SELECT id FROM customers WHERE id = $1 AND name = $2 /* " + comment + " */",
                                    "COMMENT ON TABLE note IS " + literal};
  };
  const std::vector<std::string> harmless = statements_with("qqq zzz");
  for (const std::string& text : strings) {
    const std::vector<std::string> made = statements_with(text);
    for (std::size_t i = 0; i < made.size(); ++i)
      ASSERT_EQ(briefed_.body(made[i]), briefed_.body(harmless[i])) << made[i];
  }
}

}  // namespace
}  // namespace dbgate::models
