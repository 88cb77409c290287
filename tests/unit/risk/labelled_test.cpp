#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <sstream>

#include "tests/unit/risk/shop.h"

namespace dbgate::risk {
namespace {

constexpr std::array<Caller, 3> callers = {Caller::person, Caller::service, Caller::agent};
constexpr std::size_t level_count = 5;

struct Labelled {
  int line = 0;
  std::array<Level, 3> levels{};
  Circumstances circumstances;
  std::string sql;
};

std::string trimmed(const std::string& text) {
  const std::size_t from = text.find_first_not_of(' ');
  return from == std::string::npos ? "" : text.substr(from, text.find_last_not_of(' ') - from + 1);
}

// "[holds_lock] low/medium/high" of a line. False: it says something else.
bool read_label(std::string text, Labelled& one) {
  const std::pair<const char*, bool Circumstances::*> states[] = {{"[in_transaction]", &Circumstances::in_transaction},
                                                                  {"[holds_lock]", &Circumstances::holds_lock},
                                                                  {"[lock_timeout]", &Circumstances::has_lock_timeout}};
  for (const auto& [word, member] : states) {
    const std::size_t at = text.find(word);
    if (at == std::string::npos) continue;
    one.circumstances.*member = true;
    text.erase(at, std::string_view(word).size());
  }
  std::vector<Level> levels;
  std::istringstream words(trimmed(text));
  for (std::string word; std::getline(words, word, '/');) {
    const auto level = level_of(word);
    if (!level) return false;
    levels.push_back(*level);
  }
  if (levels.size() != 1 && levels.size() != callers.size()) return false;
  for (std::size_t i = 0; i < callers.size(); ++i)
    one.levels[i] = levels[levels.size() == 1 ? 0 : i];
  return true;
}

std::vector<Labelled> labelled() {
  std::ifstream file(DBGATE_TESTS "/unit/risk/labelled.txt");
  std::vector<Labelled> all;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t bar = line.find(" | ");
    Labelled one;
    one.line = number;
    const bool fits = bar != std::string::npos && read_label(line.substr(0, bar), one);
    EXPECT_TRUE(fits) << "labelled.txt:" << number << ": " << line;
    if (!fits) continue;
    one.sql = line.substr(bar + 3);
    all.push_back(std::move(one));
  }
  return all;
}

TEST(Labelled, StatementsAreRatedAsTheyShould) {
  const Shop shop;
  const std::vector<Labelled> all = labelled();
  ASSERT_GE(all.size(), 300u);
  std::array<std::array<int, level_count>, level_count> confusion{};
  int total = 0, right = 0;
  std::string wrong;
  for (const Labelled& one : all) {
    for (std::size_t i = 0; i < callers.size(); ++i) {
      const Level said = shop.of(one.sql, callers[i], one.circumstances).level;
      ++confusion[static_cast<std::size_t>(one.levels[i])][static_cast<std::size_t>(said)];
      ++total;
      if (said == one.levels[i]) {
        ++right;
        continue;
      }
      wrong += "labelled.txt:" + std::to_string(one.line) + ": " + std::string(word_of(one.levels[i])) + ", and not " +
               shop.said(one.sql, callers[i], one.circumstances) + ": " + one.sql + "\n";
    }
  }
  std::string table = "label \\ rated";
  for (std::size_t level = 0; level < level_count; ++level)
    table += "\t" + std::string(word_of(static_cast<Level>(level)));
  for (std::size_t label = 0; label < level_count; ++label) {
    table += "\n" + std::string(word_of(static_cast<Level>(label))) + "\t";
    int statements = 0;
    for (const int count : confusion[label]) {
      table += "\t" + std::to_string(count);
      statements += count;
    }
    EXPECT_GT(statements, 0) << "no statement is " << word_of(static_cast<Level>(label));
  }
  std::cout << table << "\n" << right << " of " << total << " as labelled\n" << wrong;
  EXPECT_GE(right * 100, total * 95) << wrong;
}

}  // namespace
}  // namespace dbgate::risk
