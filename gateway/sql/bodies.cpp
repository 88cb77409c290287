#include "gateway/sql/bodies.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/sql/analyze.h"
#include "gateway/sql/plpgsql.h"
#include "gateway/sql/tokens.h"

namespace dbgate::sql {
namespace {

// Settings under which the names and rights of what follows are others.
constexpr std::array<std::string_view, 4> settings_of_meaning = {"search_path", "role", "session_authorization", "all"};

bool changes_meaning(const SettingUse& use) {
  if (use.action == SettingAction::show || use.action == SettingAction::show_all) return false;
  return std::find(settings_of_meaning.begin(), settings_of_meaning.end(), use.name) != settings_of_meaning.end();
}

std::string_view opaque_part(const Statement& statement) {
  const auto has = [&](Effect effect) { return statement.effects.test(static_cast<std::size_t>(effect)); };
  if (!statement.unknown.empty()) return "a construct that dbgate does not know";
  if (has(Effect::do_block)) return "a DO block";
  if (has(Effect::opaque)) return "a statement that holds code";
  if (has(Effect::execute)) return "EXECUTE of a prepared statement";
  if (std::any_of(statement.settings.begin(), statement.settings.end(), changes_meaning)) {
    return "a change of search_path or role";
  }
  for (const FunctionUse& use : statement.functions) {
    if (use.name.name == "set_config" && use.form == FunctionForm::call && !use.sets) {
      return "set_config() of a computed name or value";
    }
  }
  return {};
}

class BodyReader {
 public:
  BodyReader(const TableColumns* tables, const ScanLimits& limits) : tables_(tables), limits_(limits) {}

  Body read(std::string_view language, std::string_view source) {
    const auto scanned = prescan(source, limits_);
    if (!scanned) {
      const Error error = scanned.error();
      opaque(error.code() == sqlstate::character_not_in_repertoire ? "source that is no UTF-8 text"
                                                                   : "source beyond dbgate's limits");
    } else if (language == "plpgsql") {
      read_plpgsql(source);
    } else if (language == "sql") {
      read_sql(source);
    } else {
      opaque("code in another language than sql and plpgsql");
    }
    return std::move(body_);
  }

 private:
  void opaque(std::string_view why) {
    body_.opaque = true;
    if (body_.why.empty()) body_.why = why;
  }

  void add(std::vector<Statement>& statements) {
    for (Statement& statement : statements) {
      if (const std::string_view part = opaque_part(statement); !part.empty()) opaque(part);
      body_.statements.push_back(std::move(statement));
    }
  }

  // @param count how many statements there must be; 0: any number
  void read_text(std::string_view text, std::size_t count) {
    AnalyzeResult result = analyze(text, limits_, tables_);
    if (!result.script) return opaque("SQL that dbgate cannot read");
    if (count != 0 && result.script->statements.size() != count) return opaque("SQL that dbgate cannot read");
    add(result.script->statements);
  }

  void read_expression(std::string_view text) { read_text("SELECT " + std::string(text), 1); }

  // A single literal is a text like any other; everything else may become any statement.
  void read_dynamic(const std::string& text) {
    read_expression(text);
    const auto tokens = tokenize(text);
    if (tokens && tokens->size() == 1) {
      if (const auto value = plain_literal(text, tokens->front())) return read_text(*value, 0);
    }
    opaque("dynamic EXECUTE");
  }

  void read_plpgsql(std::string_view source) {
    PlpgsqlBody split = split_plpgsql(source);
    body_.row = std::move(split.row);
    if (!split.readable) opaque("PL/pgSQL that dbgate cannot read");
    for (const Fragment& fragment : split.fragments) {
      switch (fragment.kind) {
        case FragmentKind::expression:
          read_expression(fragment.text);
          break;
        case FragmentKind::statement:
          read_text(fragment.text, 1);
          break;
        case FragmentKind::dynamic:
          read_dynamic(fragment.text);
          break;
      }
    }
  }

  void read_sql(std::string_view source) {
    const auto tokens = tokenize(source);
    if (!tokens) return opaque("SQL that dbgate cannot read");
    const auto is = [&](std::size_t index, std::string_view keyword) {
      return index < tokens->size() && is_keyword(source, (*tokens)[index], keyword);
    };
    if (is(0, "return")) return read_piece(source, *tokens, 0, tokens->size());
    if (!is(0, "begin") || !is(1, "atomic")) return read_text(source, 0);
    if (!is(tokens->size() - 1, "end")) return opaque("SQL that dbgate cannot read");
    std::size_t from = 2;
    for (std::size_t i = 2; i + 1 < tokens->size(); ++i) {
      if (source[(*tokens)[i].begin] != ';') continue;
      read_piece(source, *tokens, from, i);
      from = i + 1;
    }
    read_piece(source, *tokens, from, tokens->size() - 1);
  }

  // One statement of a SQL-standard body: RETURN expression, or any other.
  void read_piece(std::string_view source, const std::vector<Token>& tokens, std::size_t begin, std::size_t end) {
    if (begin == end) return;
    const bool returns = is_keyword(source, tokens[begin], "return");
    if (returns && ++begin == end) return opaque("SQL that dbgate cannot read");
    const std::string_view text = source.substr(tokens[begin].begin, tokens[end - 1].end - tokens[begin].begin);
    returns ? read_expression(text) : read_text(text, 1);
  }

  const TableColumns* tables_;
  const ScanLimits& limits_;
  Body body_;
};

}  // namespace

Body read_body(std::string_view language, std::string_view source, const TableColumns* tables,
               const ScanLimits& limits) {
  return BodyReader(tables, limits).read(language, source);
}

}  // namespace dbgate::sql
