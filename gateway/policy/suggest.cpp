#include "gateway/policy/suggest.h"

#include <algorithm>
#include <vector>

#include "gateway/policy/grants.h"
#include "gateway/sql/analyze.h"
#include "gateway/sql/shape_tokens.h"

namespace dbgate::policy {
namespace {

using sql::Effect;

constexpr std::size_t most_items = 24;

bool has(const sql::EffectSet& effects, Effect effect) {
  return effects.test(static_cast<std::size_t>(effect));
}

std::string lower(std::string_view word) {
  std::string text(word);
  for (char& c : text)
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

// As it must be written to mean exactly this name; keywords are quoted as well, at the cost of a few that need not be.
std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name)
    text += c == '"' ? std::string("\"\"") : std::string(1, c);
  text += '"';
  const bool plain = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos &&
                     !name.empty() && (name[0] < '0' || name[0] > '9');
  if (!plain) return text;
  const sql::AnalyzeResult bare = sql::analyze("SELECT " + std::string(name) + " FROM t", sql::ScanLimits{});
  const bool column =
      bare.script && bare.script->statements.size() == 1 && bare.script->statements[0].types.empty() &&
      bare.script->statements[0].functions.empty() && bare.script->statements[0].relations.size() == 1 &&
      bare.script->statements[0].relations[0].reads.names == std::vector<std::string>{std::string(name)};
  return column ? std::string(name) : text;
}

std::string written(const sql::QualifiedName& name) {
  return (name.schema.empty() ? "" : quoted(name.schema) + ".") + quoted(name.name);
}

class Suggestion {
 public:
  Suggestion(const Grants& grants, const sql::Statement& denied, std::string_view text, const NameContext& context)
      : grants_(grants), denied_(denied), text_(text), context_(context) {}

  std::string find() {
    const auto tokens = sql::shape_tokens_of(text_);
    if (!tokens || tokens->empty()) return {};
    tokens_ = *tokens;
    // Of one relation only: in a join, whose columns a list names is the catalog's to say.
    if (denied_.relations.size() != 1) return {};
    if (denied_.kind == sql::StatementKind::select && denied_.effects.count() == 1) return shorter_list();
    if (denied_.kind == sql::StatementKind::copy_out && !denied_.inner) return query_for_copy();
    if (denied_.kind == sql::StatementKind::update || denied_.kind == sql::StatementKind::delete_) return with_where();
    return {};
  }

 private:
  bool passes(const std::string& text) const {
    const sql::AnalyzeResult result =
        sql::analyze(text, sql::ScanLimits{}, context_.resolver, values_wanted(grants_).get());
    if (!result.script || result.script->statements.size() != 1) return false;
    return decide(grants_, result.script->statements[0], context_).decision == Decision::allow;
  }

  // The first of these words outside of parentheses, from `from` on; the number of tokens if there is none.
  std::size_t find_word(std::string_view word, std::size_t from) const {
    int depth = 0;
    for (std::size_t i = from; i < tokens_.size(); ++i) {
      const std::string_view token = tokens_[i].of(text_);
      if (tokens_[i].kind == sql::ShapeTokenKind::mark && (token == "(" || token == "[")) ++depth;
      if (tokens_[i].kind == sql::ShapeTokenKind::mark && (token == ")" || token == "]")) --depth;
      if (depth == 0 && tokens_[i].kind == sql::ShapeTokenKind::word && lower(token) == word) return i;
    }
    return tokens_.size();
  }

  // SELECT list FROM rest, with a part of the list.
  std::string shorter_list() const {
    const std::size_t from = find_word("from", 1);
    if (lower(tokens_[0].of(text_)) != "select" || from >= tokens_.size() || from < 2) return {};
    const std::string rest(text_.substr(tokens_[from].begin));
    std::vector<std::string> kept;
    const std::vector<std::string> items = items_between(1, from);
    if (items.size() > most_items) return {};
    for (const std::string& item : items) {
      if (item == "*" || item.ends_with(".*")) {
        const std::string prefix = item.substr(0, item.size() - 1);
        for (const std::string& column : named_columns())
          kept.push_back(prefix + quoted(column));
      } else {
        kept.push_back(item);
      }
    }
    if (kept.size() > most_items) return {};
    std::erase_if(kept, [&](const std::string& item) { return !passes("SELECT " + item + " " + rest); });
    return verified(kept, rest);
  }

  std::string verified(const std::vector<std::string>& items, const std::string& rest) const {
    std::string list;
    for (const std::string& item : items)
      list += (list.empty() ? "" : ", ") + item;
    const std::string candidate = "SELECT " + list + " " + rest;
    return !items.empty() && candidate.size() <= 2 * max_suggestion_bytes && passes(candidate) ? candidate
                                                                                               : std::string();
  }

  std::vector<std::string> items_between(std::size_t first, std::size_t end) const {
    std::vector<std::string> items;
    int depth = 0;
    std::size_t start = first;
    for (std::size_t i = first; i <= end; ++i) {
      const std::string_view token = tokens_[i].of(text_);
      if (i == end || (depth == 0 && token == ",")) {
        if (i > start) {
          items.emplace_back(text_.substr(tokens_[start].begin, tokens_[i - 1].end - tokens_[start].begin));
        }
        start = i + 1;
      }
      if (token == "(" || token == "[") ++depth;
      if (token == ")" || token == "]") --depth;
    }
    return items;
  }

  // Columns of the relation that rules grant one by one.
  std::vector<std::string> named_columns() const {
    const sql::QualifiedName& name = denied_.relations[0].name;
    const std::vector<std::string> schemas =
        name.schema.empty() ? context_.search_path : std::vector<std::string>{name.schema};
    std::vector<std::string> columns;
    for (const std::string& schema : schemas) {
      grants_.allow.each_grant(schema, name.name, [&](const TableGrant& grant) {
        const bool reads = has(grant.effects, Effect::read);
        if (reads) columns.insert(columns.end(), grant.columns.begin(), grant.columns.end());
        return true;
      });
    }
    std::sort(columns.begin(), columns.end());
    columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
    return columns;
  }

  std::string query_for_copy() const {
    const std::string rest = "FROM " + written(denied_.relations[0].name);
    const sql::ColumnUse& reads = denied_.relations[0].reads;
    std::vector<std::string> columns = reads.whole_row ? named_columns() : reads.names;
    if (reads.whole_row && passes("SELECT * " + rest)) return "SELECT * " + rest;
    if (columns.size() > most_items) return {};
    for (std::string& column : columns)
      column = quoted(column);
    std::erase_if(columns, [&](const std::string& column) { return !passes("SELECT " + column + " " + rest); });
    return verified(columns, rest);
  }

  // A condition that stands for any: whether it is there is all that rules look at.
  std::string with_where() const {
    if (denied_.relations[0].has_where) return {};
    const std::size_t returning = find_word("returning", 1);
    const bool ends = returning >= tokens_.size();
    const std::string before(text_.substr(0, ends ? tokens_.back().end : tokens_[returning - 1].end));
    const std::string after = ends ? "" : " " + std::string(text_.substr(tokens_[returning].begin));
    return passes(before + " WHERE false" + after) ? before + " WHERE …" + after : std::string();
  }

  const Grants& grants_;
  const sql::Statement& denied_;
  std::string_view text_;
  const NameContext& context_;
  std::vector<sql::ShapeToken> tokens_;
};

}  // namespace

std::string suggest(const Grants& grants, const sql::Statement& denied, std::string_view text,
                    const NameContext& context) {
  if (text.size() > max_suggestion_bytes || !denied.unknown.empty()) return {};
  return Suggestion(grants, denied, text, context).find();
}

}  // namespace dbgate::policy
