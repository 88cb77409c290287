#include "gateway/policy/row_filters.h"

#include <algorithm>
#include <array>

#include "gateway/sql/analyze.h"
#include "gateway/sql/tokens.h"

namespace dbgate::policy {
namespace {

using sql::Token;
using sql::TokenKind;

constexpr std::string_view before_condition = "SELECT 1 FROM dbgate_relation WHERE (";

bool is_attribute(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// Reads `:user.attribute` at tokens[i]: ':', user, '.', attribute, with nothing between them.
class AttributeReader {
 public:
  AttributeReader(const std::string& text, const std::vector<Token>& tokens) : text_(text), tokens_(tokens) {}

  bool is_at(std::size_t i) const {
    if (i + 3 >= tokens_.size() || written(i) != ":" || written(i + 1) != "user" || written(i + 2) != ".") return false;
    return tokens_[i].end == tokens_[i + 1].begin && tokens_[i + 1].end == tokens_[i + 2].begin &&
           tokens_[i + 2].end == tokens_[i + 3].begin && is_attribute(written(i + 3));
  }
  std::string written(std::size_t i) const { return text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin); }

 private:
  const std::string& text_;
  const std::vector<Token>& tokens_;
};

// Puts settings in the place of attributes. A condition that closes a parenthesis it has not opened is none.
void replace_attributes(const std::string& text, RowCondition& condition) {
  const auto tokens = sql::tokenize(text);
  if (!tokens) {
    condition.problem = "ends inside a literal or a comment";
    return;
  }
  const AttributeReader reader(text, *tokens);
  std::size_t copied = 0;
  std::ptrdiff_t depth = 0;
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    const std::string written = reader.written(i);
    depth += written == "(" ? 1 : written == ")" ? -1 : 0;
    if (depth < 0 || written == ";" || (depth == 0 && written == ",")) condition.problem = "is not one condition";
    if (written == ":" && !reader.is_at(i)) condition.problem = "write attributes as :user.name";
    if (!reader.is_at(i)) continue;
    const std::string attribute = reader.written(i + 3);
    condition.sql.append(text, copied, (*tokens)[i].begin - copied);
    condition.sql += "pg_catalog.current_setting('" + setting_of_attribute(attribute) + "')";
    condition.attributes.push_back(attribute);
    copied = (*tokens)[i + 3].end;
    i += 3;
  }
  condition.sql.append(text, copied);
}

// Empty: nothing is wrong.
std::string problem_of(const sql::Statement& statement) {
  if (!statement.unknown.empty()) return "has something that dbgate does not understand";
  if (statement.relations.size() != 1 || statement.levels.empty()) return "must look at the one table alone";
  const bool sets = std::any_of(statement.settings.begin(), statement.settings.end(),
                                [](const auto& use) { return use.action != sql::SettingAction::show; });
  if (statement.kind != sql::StatementKind::select || sets) return "is not one condition";
  if (statement.levels.size() != 1) return "must not have sub-queries";
  for (const sql::NameUse& use : statement.levels.front().names) {
    if (!use.qualifier.empty() || use.column.empty()) return "must name columns without their table";
  }
  return {};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// 2024-05-06, 2024-05-06 07:08, not 05/06/2024 nor "tomorrow".
bool is_iso(std::string_view text) {
  return text.size() >= 10 && std::all_of(text.begin(), text.begin() + 4, is_digit) && text[4] == '-' &&
         is_digit(text[5]) && is_digit(text[6]) && text[7] == '-' && is_digit(text[8]) && is_digit(text[9]);
}

bool has_zone(std::string_view iso) {
  return iso.ends_with('Z') || iso.find_first_of("+-", 10) != std::string_view::npos;
}

void note_literal(std::string_view text, Times& times) {
  constexpr std::array<std::string_view, 4> days = {"now", "today", "tomorrow", "yesterday"};
  if (std::find(days.begin(), days.end(), text) != days.end()) times.styled = true;
  if (is_iso(text)) {
    times.literal = times.literal || !has_zone(text);
    return;
  }
  const bool numbers = std::count_if(text.begin(), text.end(), is_digit) >= 2;
  const bool parted = text.find_first_of("/-:.") != std::string_view::npos;
  const bool others = std::any_of(text.begin(), text.end(), [](char c) {
    return !is_digit(c) && std::string_view("/-:. ").find(c) == std::string_view::npos;
  });
  times.styled = times.styled || (numbers && parted && !others);
}

void note_word(std::string_view word, Times& times) {
  constexpr std::array<std::string_view, 4> local = {"current_date", "current_time", "localtime", "localtimestamp"};
  constexpr std::array<std::string_view, 6> instants = {
      "now", "current_timestamp", "transaction_timestamp", "statement_timestamp", "clock_timestamp", "timeofday"};
  constexpr std::array<std::string_view, 17> converting = {
      "date", "time",    "timestamp", "timestamptz", "timetz",  "to_char",  "to_date", "to_timestamp",    "date_trunc",
      "age",  "extract", "date_part", "text",        "varchar", "date_bin", "format",  "make_timestamptz"};
  const auto is_one = [word](const auto& words) { return std::find(words.begin(), words.end(), word) != words.end(); };
  times.local = times.local || is_one(local);
  times.instant = times.instant || is_one(instants);
  times.converts = times.converts || is_one(converting);
  times.zoned = times.zoned || word == "zone" || word == "timezone";
}

Times read_times(const std::string& text) {
  Times times;
  const auto tokens = sql::tokenize(text);
  for (const Token& token : *tokens) {
    if (token.kind == TokenKind::word || token.kind == TokenKind::quoted_word)
      note_word(sql::name_of(text, token), times);
    if (const auto literal = sql::plain_literal(text, token)) note_literal(*literal, times);
  }
  return times;
}

}  // namespace

bool Times::rest_on_session(bool instants, bool days) const noexcept {
  const bool moments = instant || instants;
  if (local || (styled && (moments || days))) return true;
  return !zoned && moments && (days || literal || converts);
}

std::string setting_of_attribute(const std::string& attribute) {
  return "dbgate.user_" + attribute;
}

RowCondition read_condition(const std::string& text) {
  RowCondition condition;
  replace_attributes(text, condition);
  if (!condition.problem.empty()) return condition;
  const sql::AnalyzeResult result =
      sql::analyze(std::string(before_condition) + condition.sql + "\n)", sql::ScanLimits{});
  if (!result.script) {
    condition.problem = result.parse_error ? "is not a condition: " + result.parse_error->message : "cannot be read";
    return condition;
  }
  if (result.script->statements.size() != 1) {
    condition.problem = "is not one condition";
    return condition;
  }
  const sql::Statement& statement = result.script->statements.front();
  condition.problem = problem_of(statement);
  if (!condition.problem.empty()) return condition;
  for (const sql::NameUse& use : statement.levels.front().names)
    condition.columns.push_back(use.column);
  condition.times = read_times(condition.sql);
  return condition;
}

std::vector<config::Problem> check_filters(const config::Config& config, const std::string& file) {
  std::vector<config::Problem> problems;
  for (const config::Policy& policy : config.policies) {
    for (const config::RowFilter& filter : policy.filters) {
      const RowCondition condition = read_condition(filter.condition);
      if (condition.problem.empty()) continue;
      problems.push_back(
          {file, filter.line, filter.column, false,
           policy.name + "/filter of " + filter.schema + "." + filter.relation + ": " + condition.problem});
    }
  }
  return problems;
}

}  // namespace dbgate::policy
