#include "gateway/sql/plpgsql_reader.h"

namespace dbgate::sql {

bool PlpgsqlReader::read() {
  if (!options() || !block()) return false;
  while (!frames_.empty()) {
    if (!step()) return false;
  }
  accept(";");
  return ended();
}

// #variable_conflict use_column and the like.
bool PlpgsqlReader::options() {
  while (accept("#")) {
    if (!accept_name() || !accept_name()) return false;
  }
  return true;
}

bool PlpgsqlReader::step() {
  if (ended()) return false;
  if (assigns()) return assignment();
  if (is(at_, "end")) return close();
  switch (frames_.back()) {
    case Frame::block:
      if (accept("exception")) {
        frames_.back() = Frame::handlers;
        return handler();
      }
      break;
    case Frame::handlers:
      if (is(at_, "when")) return handler();
      break;
    case Frame::branch:
      if (accept("elsif") || accept("elseif")) return branch_header();
      if (accept("else")) return true;
      break;
    case Frame::choice:
      if (accept("when")) return choice_arm();
      if (accept("else")) return true;
      break;
    case Frame::loop:
      break;
  }
  return statement();
}

bool PlpgsqlReader::label() {
  return accept("<<") && accept_name() && expect(">>");
}

bool PlpgsqlReader::block() {
  if (is(at_, "<<") && !label()) return false;
  if (accept("declare") && !declarations()) return false;
  frames_.push_back(Frame::block);
  return expect("begin");
}

bool PlpgsqlReader::declarations() {
  while (!is(at_, "begin")) {
    if (accept("declare")) continue;
    if (!declaration()) return false;
  }
  return true;
}

bool PlpgsqlReader::declaration() {
  const std::size_t first = at_;
  if (!accept_name()) return false;
  if (is(at_, "alias") && is(at_ + 1, "for")) {
    at_ += 2;
    const std::size_t target = at_;
    if (!accept_path()) return false;
    see_row(target, at_);
    return expect(";");
  }
  if (is(at_, "cursor") || is(at_ + 1, "cursor") || is(at_ + 2, "cursor")) {
    if (accept("no") && !is(at_, "scroll")) return false;
    accept("scroll");
    if (accept("cursor")) return cursor_declaration(name_of(text_, tokens_[first]));
    at_ = first + 1;
  }
  accept("constant");
  static constexpr Stops ends = {"collate", "not", "=", ":=", "default", ";"};
  if (!datatype(ends)) return false;
  if (accept("collate") && !accept_path()) return false;
  if (accept("not") && !expect("null")) return false;
  if (accept(";")) return true;
  if (!is_any(at_, {"=", ":=", "default"})) return false;
  ++at_;
  return fragment_until(FragmentKind::expression, {";"}) && expect(";");
}

bool PlpgsqlReader::cursor_declaration(const std::string& name) {
  if (accept("(")) {
    do {
      if (!accept_name() || !datatype({",", ")"})) return false;
    } while (accept(","));
    if (!expect(")")) return false;
  }
  if (!accept("for") && !accept("is")) return false;
  cursors_.insert(name);
  return fragment_until(FragmentKind::statement, {";"}) && expect(";");
}

// The type matters because a domain has conditions of its own. Types taken from columns and tables are not followed.
bool PlpgsqlReader::datatype(Stops stops) {
  const std::size_t begin = at_;
  if (!skip_until(stops) || begin == at_) return false;
  for (std::size_t i = begin; i < at_; ++i) {
    if (is(i, "%")) return true;
  }
  body_.fragments.push_back({FragmentKind::expression, "NULL::" + text(begin, at_)});
  return true;
}

bool PlpgsqlReader::close() {
  ++at_;
  const Frame frame = frames_.back();
  frames_.pop_back();
  switch (frame) {
    case Frame::block:
    case Frame::handlers:
      if (is_name(at_)) ++at_;
      return frames_.empty() || expect(";");
    case Frame::branch:
      return expect("if") && expect(";");
    case Frame::choice:
      simple_cases_.pop_back();
      return expect("case") && expect(";");
    case Frame::loop:
      if (!expect("loop")) return false;
      if (is_name(at_)) ++at_;
      return expect(";");
  }
  return false;
}

// WHEN condition [OR condition …] THEN
bool PlpgsqlReader::handler() {
  if (!expect("when")) return false;
  do {
    if (accept("sqlstate")) {
      if (ended() || tokens_[at_].kind != TokenKind::literal) return false;
      ++at_;
    } else if (!accept_name()) {
      return false;
    }
  } while (accept("or"));
  return expect("then");
}

bool PlpgsqlReader::branch_header() {
  return fragment_until(FragmentKind::expression, {"then"}) && expect("then");
}

bool PlpgsqlReader::choice_header() {
  const bool simple = !is(at_, "when");
  if (simple && !fragment_until(FragmentKind::expression, {"when"})) return false;
  frames_.push_back(Frame::choice);
  simple_cases_.push_back(simple);
  return expect("when") && choice_arm();
}

// CASE x WHEN 1, 2 THEN compares: x IN (1, 2).
bool PlpgsqlReader::choice_arm() {
  if (!list_until({"then"})) return false;
  std::string& condition = body_.fragments.back().text;
  if (simple_cases_.back()) condition = "NULL IN (" + condition + "\n)";
  return expect("then");
}

// FOR target [, target …] IN …
bool PlpgsqlReader::for_header() {
  do {
    if (!accept_path()) return false;
  } while (accept(","));
  if (!expect("in")) return false;
  frames_.push_back(Frame::loop);
  if (accept("execute")) {
    if (!fragment_until(FragmentKind::dynamic, {"loop", "using"})) return false;
    if (accept("using") && !list_until({"loop"})) return false;
    return expect("loop");
  }
  const std::size_t begin = at_;
  if (!skip_until({"..", "loop"})) return false;
  if (is(at_, "..")) return for_range(begin, at_);
  // A cursor that was declared with its query, or else a query.
  if (is_name(begin) && cursors_.contains(name_of(text_, tokens_[begin]))) {
    if (begin + 1 == at_) return expect("loop");
    if (is(begin + 1, "(") && is(at_ - 1, ")")) return arguments(begin + 2, at_ - 1) && expect("loop");
  }
  return add(FragmentKind::statement, begin, at_) && expect("loop");
}

// FOR i IN [REVERSE] a .. b [BY c] LOOP
bool PlpgsqlReader::for_range(std::size_t begin, std::size_t dots) {
  if (is(begin, "reverse")) ++begin;
  if (!add(FragmentKind::expression, begin, dots)) return false;
  at_ = dots + 1;
  if (!fragment_until(FragmentKind::expression, {"loop", "by"})) return false;
  if (accept("by") && !fragment_until(FragmentKind::expression, {"loop"})) return false;
  return expect("loop");
}

// FOREACH target [SLICE n] IN ARRAY expression LOOP
bool PlpgsqlReader::foreach_header() {
  if (!accept_path()) return false;
  if (accept("slice")) {
    if (ended() || tokens_[at_].kind != TokenKind::number) return false;
    ++at_;
  }
  frames_.push_back(Frame::loop);
  return expect("in") && expect("array") && fragment_until(FragmentKind::expression, {"loop"}) && expect("loop");
}

bool PlpgsqlReader::statement() {
  if (is(at_, "<<") && !label()) return false;
  if (is_any(at_, {"declare", "begin"})) return block();
  if (accept("if")) {
    frames_.push_back(Frame::branch);
    return branch_header();
  }
  if (accept("case")) return choice_header();
  if (accept("loop")) {
    frames_.push_back(Frame::loop);
    return true;
  }
  if (accept("while")) {
    frames_.push_back(Frame::loop);
    return fragment_until(FragmentKind::expression, {"loop"}) && expect("loop");
  }
  if (accept("for")) return for_header();
  if (accept("foreach")) return foreach_header();
  return simple_statement();
}

PlpgsqlBody split_plpgsql(std::string_view source) {
  PlpgsqlBody body;
  const auto tokens = tokenize(source);
  if (!tokens) return body;
  PlpgsqlReader reader(source, *tokens, body);
  body.readable = reader.read();
  if (!body.readable) body.failed_at = reader.position();
  return body;
}

}  // namespace dbgate::sql
