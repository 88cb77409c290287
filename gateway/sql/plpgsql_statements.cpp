#include "gateway/sql/plpgsql_reader.h"

namespace dbgate::sql {

// target := expression, or target = expression; subscripts of the target are expressions too.
bool PlpgsqlReader::assignment() {
  const std::size_t begin = at_;
  if (!skip_until({":=", "="})) return false;
  for (std::size_t i = begin; i < at_; ++i) {
    if (is(i, "[")) {
      // NEW.a[i] := … reads what it changes.
      if (!add(FragmentKind::expression, begin, at_)) return false;
      break;
    }
  }
  ++at_;
  return fragment_until(FragmentKind::expression, {";"}) && expect(";");
}

bool PlpgsqlReader::simple_statement() {
  if (accept("null")) return expect(";");
  if (accept("perform")) return fragment_until(FragmentKind::expression, {";"}) && expect(";");
  if (accept("execute")) return execute();
  if (accept("return")) return return_statement();
  if (accept("raise")) return raise();
  if (accept("assert")) return list_until({";"}) && expect(";");
  if (accept("exit") || accept("continue")) return exit_statement();
  if (accept("open")) return open();
  if (accept("fetch") || accept("move")) return fetch();
  if (accept("close")) return accept_path() && expect(";");
  if (accept("get")) return get_diagnostics();
  return sql_statement();
}

// EXECUTE expression [INTO …] [USING …], in either order.
bool PlpgsqlReader::execute() {
  static constexpr Stops ends = {"into", "using", ";"};
  if (!fragment_until(FragmentKind::dynamic, ends)) return false;
  while (!accept(";")) {
    if (accept("into")) {
      if (!into_target()) return false;
    } else if (!accept("using") || !list_until({"into", ";"})) {
      return false;
    }
  }
  return true;
}

bool PlpgsqlReader::return_statement() {
  if (accept(";")) return true;
  if (accept("query")) {
    if (!accept("execute")) return fragment_until(FragmentKind::statement, {";"}) && expect(";");
    if (!fragment_until(FragmentKind::dynamic, {"using", ";"})) return false;
    if (accept("using") && !list_until({";"})) return false;
    return expect(";");
  }
  if (accept("next") && accept(";")) return true;
  // RETURN NEW hands the row on and shows it to nobody.
  if (is_any(at_, {"new", "old"}) && is(at_ + 1, ";")) {
    at_ += 2;
    return true;
  }
  return fragment_until(FragmentKind::expression, {";"}) && expect(";");
}

// RAISE [level] ['format' [, expression …] | condition | SQLSTATE 'x'] [USING option = expression [, …]]
bool PlpgsqlReader::raise() {
  for (const std::string_view level : {"exception", "warning", "notice", "info", "log", "debug"}) {
    if (accept(level)) break;
  }
  if (accept(";")) return true;
  if (at_ < tokens_.size() && tokens_[at_].kind == TokenKind::literal) {
    ++at_;
    if (accept(",") && !list_until({"using", ";"})) return false;
  } else if (!is(at_, "using")) {
    const bool state = accept("sqlstate");
    if (ended() || (state ? tokens_[at_].kind != TokenKind::literal : !is_name(at_))) return false;
    ++at_;
  }
  if (accept(";")) return true;
  if (!expect("using")) return false;
  do {
    if (!accept_name() || !(accept("=") || accept(":="))) return false;
    if (!fragment_until(FragmentKind::expression, {",", ";"})) return false;
  } while (accept(","));
  return expect(";");
}

// EXIT [label] [WHEN condition], CONTINUE likewise
bool PlpgsqlReader::exit_statement() {
  if (!is(at_, "when")) accept_name();
  if (accept("when") && !fragment_until(FragmentKind::expression, {";"})) return false;
  return expect(";");
}

bool PlpgsqlReader::open() {
  if (!accept_path()) return false;
  if (accept(";")) return true;
  if (accept("(")) {
    const std::size_t begin = at_;
    return skip_until({")"}) && arguments(begin, at_) && expect(")") && expect(";");
  }
  if (accept("no") && !is(at_, "scroll")) return false;
  accept("scroll");
  if (!expect("for")) return false;
  if (!accept("execute")) return fragment_until(FragmentKind::statement, {";"}) && expect(";");
  if (!fragment_until(FragmentKind::dynamic, {"using", ";"})) return false;
  if (accept("using") && !list_until({";"})) return false;
  return expect(";");
}

// FETCH [direction FROM | IN] cursor [INTO target]; a direction may end in an expression.
bool PlpgsqlReader::fetch() {
  const std::size_t begin = at_;
  if (skip_until({"from", "in", "into", ";"}) && is_any(at_, {"from", "in"})) {
    std::size_t count = begin;
    if (is_any(count, {"next", "prior", "first", "last", "absolute", "relative", "forward", "backward"})) ++count;
    if (count < at_ && !(is(count, "all") && count + 1 == at_) && !add(FragmentKind::expression, count, at_)) {
      return false;
    }
    ++at_;
  } else {
    at_ = begin;
  }
  if (!accept_path()) return false;
  if (accept("into") && !into_target()) return false;
  return expect(";");
}

// GET [CURRENT | STACKED] DIAGNOSTICS target = item [, …]: no SQL in it.
bool PlpgsqlReader::get_diagnostics() {
  if (!accept("current")) accept("stacked");
  if (!expect("diagnostics")) return false;
  do {
    if (!accept_path() || !(accept("=") || accept(":=")) || !accept_name()) return false;
  } while (accept(","));
  return expect(";");
}

// Any other statement is the server's. INTO belongs to PL/pgSQL, but for INSERT INTO, MERGE INTO and IMPORT.
bool PlpgsqlReader::sql_statement() {
  const std::size_t begin = at_;
  if (ended() || tokens_[begin].kind == TokenKind::literal) return false;
  std::string statement;
  std::size_t from = begin;
  std::size_t depth = 0;
  bool has_into = false;
  for (; !ended() && !(depth == 0 && is(at_, ";")); ++at_) {
    if (is(at_, "(")) ++depth;
    if (is(at_, ")") && depth-- == 0) return false;
    // The body of a function made here has semicolons of its own: not taken apart.
    if (is(at_, "atomic") && is(begin, "create")) return false;
    if (!is(at_, "into") || is(begin, "import") || (at_ > begin && is_any(at_ - 1, {"insert", "merge"}))) continue;
    if (has_into || at_ == begin) return false;
    has_into = true;
    see_row(from, at_);
    statement = text(from, at_) + " ";
    ++at_;
    if (!into_target()) return false;
    from = at_--;
  }
  if (ended()) return false;
  if (from < at_) {
    see_row(from, at_);
    // A comment at the end of the first part must not swallow the second.
    statement += (statement.empty() ? "" : "\n") + text(from, at_);
  }
  body_.fragments.push_back({FragmentKind::statement, std::move(statement)});
  return expect(";");
}

}  // namespace dbgate::sql
