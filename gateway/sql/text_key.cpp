#include "gateway/sql/text_key.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "gateway/sql/key_words.h"

namespace dbgate::sql {
namespace {

enum class Class : std::uint8_t { none, blank, letter, digit, quote, oper, mark };

constexpr std::array<Class, 256> classes = [] {
  std::array<Class, 256> table{};
  const auto fill = [&table](std::string_view characters, Class what) {
    for (const char c : characters)
      table[static_cast<unsigned char>(c)] = what;
  };
  fill(" \t\r\n", Class::blank);
  fill("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", Class::letter);
  fill("0123456789", Class::digit);
  fill("'", Class::quote);
  fill("=<>!+-*/%", Class::oper);
  fill("()[],;.:$", Class::mark);
  return table;
}();

Class class_of(char c) {
  return classes[static_cast<unsigned char>(c)];
}

// What a name goes on with.
constexpr std::array<bool, 256> in_names = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c)
    table[c] = classes[c] == Class::letter || classes[c] == Class::digit || c == '$';
  return table;
}();

/// The token before the one that is looked at, as far as it says what that one is.
enum class Before : std::uint8_t {
  start,
  operand,  ///< a name, a constant, a closing parenthesis
  joins,    ///< see Word
  like,
  clause,
  in,
  values,
  comparison,
  arithmetic,
  open,
  comma,
  dot,
  other
};

/// What stands between two parentheses.
enum class Inside : std::uint8_t {
  plain,   ///< an expression or a query
  values,  ///< a list of IN, a row of VALUES: every element is a value
  opaque   ///< arguments of a call, of a type, names of columns, subscripts
};

class BlindText {
 public:
  BlindText(std::string_view text, std::string& key, bool keeps_constants)
      : text_(text), key_(key), stopped_(keeps_constants) {}

  bool run() {
    while (sound_ && at_ < text_.size())
      token();
    if (!sound_ || depth_ != 0 || before_ == Before::start) return false;
    key_.append(text_.substr(copied_));
    return true;
  }
  bool has_comment() const { return has_comment_; }

 private:
  static constexpr std::size_t most_depth = 32;
  static constexpr std::size_t most_digits = 18;

  char peek(std::size_t at) const { return at < text_.size() ? text_[at] : ' '; }
  std::size_t end_of(Class what, std::size_t at) const {
    while (at < text_.size() && class_of(text_[at]) == what)
      ++at;
    return at;
  }

  void give_up() { sound_ = false; }

  void pass(std::size_t end, Before as) {
    at_ = end;
    earlier_ = before_;
    before_ = as;
    if (as != Before::comma) closed_row_ = false;
  }

  // Keeps it out of the key.
  void take_out(std::size_t end, char mark) {
    key_.append(text_.substr(copied_, at_ - copied_));
    key_ += mark;
    copied_ = end;
  }

  void token() {
    const char c = text_[at_];
    const Class what = class_of(c);
    if (before_ == Before::start && what != Class::blank && what != Class::letter) return give_up();
    switch (what) {
      case Class::blank:
        ++at_;
        return;
      case Class::letter:
        return word();
      case Class::digit:
        return number();
      case Class::quote:
        return string();
      case Class::oper:
        return operators();
      case Class::mark:
        return mark(c);
      case Class::none:
        return give_up();
    }
  }

  void word() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && in_names[static_cast<unsigned char>(text_[end])])
      ++end;
    // E'…' and the like, and names that go on in letters beyond ASCII.
    if (end < text_.size() && (text_[end] == '\'' || class_of(text_[end]) == Class::none)) return give_up();
    const Word what = word_of(text_.substr(at_, end - at_));
    if (what == Word::refuses) return give_up();
    if (before_ == Before::start && what != Word::first) return give_up();
    // A name that is spelt like a keyword, s.in(…).
    if (before_ == Before::dot) {
      distinct_ = false;
      return pass(end, Before::operand);
    }
    stopped_ = stopped_ || what == Word::stops || (what == Word::on && distinct_);
    distinct_ = what == Word::distinct;
    pass(end, as_before(what));
  }

  static Before as_before(Word what) {
    switch (what) {
      case Word::joins:
        return Before::joins;
      case Word::like:
        return Before::like;
      case Word::clause:
      case Word::on:
      case Word::first:
        return Before::clause;
      case Word::in:
        return Before::in;
      case Word::values:
        return Before::values;
      case Word::name:
        return Before::operand;
      default:
        return Before::other;
    }
  }

  // Unsigned, and nothing that could make two tokens of it, or another kind of number.
  void number() {
    std::size_t end = end_of(Class::digit, at_);
    const std::size_t digits = end - at_;
    char mark = digits <= 9 ? int4_mark : '\0';
    if (digits > 10 && digits <= most_digits && text_[at_] != '0') mark = int8_mark;
    if (peek(end) == '.') {
      const std::size_t fraction = end + 1;
      end = end_of(Class::digit, fraction);
      if (end == fraction) return give_up();
      mark = end - at_ <= most_digits ? decimal_mark : '\0';
    }
    const Class next = class_of(peek(end));
    const bool ends = next == Class::blank || next == Class::oper || (next == Class::mark && ends_constant(peek(end)));
    if (!ends) return give_up();
    if (mark != '\0' && peek(end) != ':' && is_value()) take_out(end, mark);
    pass(end, Before::operand);
  }

  static bool ends_constant(char c) { return c != '.' && c != '$' && c != '(' && c != '['; }

  void string() {
    std::size_t end = at_ + 1;
    for (;; ++end) {
      if (end >= text_.size()) return give_up();
      const char c = text_[end];
      if (c < ' ' || c > '~' || c == '\\') return give_up();
      if (c != '\'') continue;
      if (peek(end + 1) != '\'') break;
      ++end;
    }
    ++end;
    const Class next = class_of(peek(end));
    const bool ends = next == Class::blank || next == Class::oper || (next == Class::mark && ends_constant(peek(end)));
    if (!ends) return give_up();
    if (peek(end) != ':' && is_value()) take_out_string(end);
    pass(end, Before::operand);
  }

  // Signs tell patterns that begin with a wildcard, and those that fit everything, from others (signs.h).
  void take_out_string(std::size_t end) {
    if (before_ != Before::like) return take_out(end, string_mark);
    const std::string_view pattern = text_.substr(at_ + 1, end - at_ - 2);
    if (pattern.empty() || (pattern[0] != '%' && pattern[0] != '_')) return take_out(end, string_mark);
    if (pattern.find_first_not_of('%') != pattern.npos) take_out(end, wildcard_mark);
  }

  // Only those that stand alone: where a longer run would end, and what -- and /* begin, is not for here.
  void operators() {
    const std::size_t end = end_of(Class::oper, at_);
    const std::string_view run = text_.substr(at_, end - at_);
    if (run == "/*") return comment();
    if (run == "+" || run == "-" || run == "*" || run == "/" || run == "%") {
      // t.* is a name.
      return pass(end, before_ == Before::dot ? Before::operand : Before::arithmetic);
    }
    const bool comparison =
        run == "=" || run == "<" || run == ">" || run == "<=" || run == ">=" || run == "<>" || run == "!=";
    if (!comparison) return give_up();
    pass(end, Before::comparison);
  }

  // Nothing may follow but blanks, and a semicolon if there was none.
  void comment() {
    const std::size_t inside = at_ + 2;
    const std::size_t close = text_.find("*/", inside);
    if (close == std::string_view::npos || !(class_of(text_[inside]) == Class::letter || text_[inside] == ' '))
      return give_up();
    const std::string_view said = text_.substr(inside, close - inside);
    const bool plain = said.find("/*") == said.npos &&
                       std::all_of(said.begin(), said.end(), [](char c) { return c >= ' ' && c <= '~'; });
    std::size_t end = end_of(Class::blank, close + 2);
    if (peek(end) == ';' && !ended_) end = end_of(Class::blank, end + 1);
    if (!plain || end < text_.size()) return give_up();
    has_comment_ = true;
    take_out(close + 2, comment_mark);
    at_ = text_.size();
  }

  void mark(char c) {
    switch (c) {
      case '(':
        return open(kind_of_parenthesis());
      case '[':
        return open(Inside::opaque);
      case ')':
      case ']':
        return close(c == ')');
      case ',':
        return pass(at_ + 1, Before::comma);
      case '.':
        if (class_of(peek(at_ + 1)) == Class::digit || peek(at_ + 1) == '.') return give_up();
        return pass(at_ + 1, Before::dot);
      case ':':
        if (peek(at_ + 1) != ':' || peek(at_ + 2) == ':' || peek(at_ + 2) == '=') return give_up();
        return pass(at_ + 2, Before::other);
      case '$':
        return parameter();
      default:
        return semicolon();
    }
  }

  // One statement: nothing may follow but blanks and a comment.
  void semicolon() {
    const std::size_t next = end_of(Class::blank, at_ + 1);
    if (next != text_.size() && !text_.substr(next).starts_with("/*")) return give_up();
    ended_ = true;
    pass(next, Before::other);
  }

  void parameter() {
    const std::size_t end = end_of(Class::digit, at_ + 1);
    const Class next = class_of(peek(end));
    if (end == at_ + 1 || next == Class::letter || next == Class::none || peek(end) == '$' || peek(end) == '\'')
      return give_up();
    pass(end, Before::operand);
  }

  Inside innermost() const { return depth_ == 0 ? Inside::plain : inside_[depth_ - 1]; }

  Inside kind_of_parenthesis() const {
    if (innermost() == Inside::opaque) return Inside::opaque;
    switch (before_) {
      case Before::values:
        return Inside::values;
      case Before::comma:
        return closed_row_ ? Inside::values : Inside::plain;
      case Before::in: {
        // IN (SELECT …): a query, not a list.
        const Class next = class_of(peek(end_of(Class::blank, at_ + 1)));
        return next == Class::digit || next == Class::quote || next == Class::oper ? Inside::values : Inside::plain;
      }
      case Before::joins:
      case Before::like:
      case Before::clause:
      case Before::comparison:
      case Before::arithmetic:
      case Before::open:
        return Inside::plain;
      default:
        return Inside::opaque;
    }
  }

  void open(Inside what) {
    if (depth_ == most_depth || before_ == Before::start) return give_up();
    row_[depth_] = what == Inside::values && before_ != Before::in;
    round_[depth_] = text_[at_] == '(';
    inside_[depth_++] = what;
    pass(at_ + 1, Before::open);
  }

  void close(bool round) {
    if (depth_ == 0 || round_[depth_ - 1] != round) return give_up();
    pass(at_ + 1, Before::operand);
    closed_row_ = row_[--depth_];
  }

  // Whether the constant that comes now is an operand, or an element of a list.
  bool is_value() const {
    if (stopped_ || innermost() == Inside::opaque) return false;
    return begins_value(before_) || (before_ == Before::arithmetic && (begins_value(earlier_) || ends_operand()));
  }
  bool ends_operand() const { return earlier_ == Before::operand || earlier_ == Before::arithmetic; }
  bool begins_value(Before before) const {
    if (before == Before::comparison || before == Before::joins || before == Before::like) return true;
    return (before == Before::open || before == Before::comma) && innermost() == Inside::values;
  }

  std::string_view text_;
  std::string& key_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;  // of the text, into the key
  Before before_ = Before::start;
  Before earlier_ = Before::start;  // the token before that
  bool stopped_ = false;            // nothing is taken out any more
  bool distinct_ = false;           // the last word
  bool closed_row_ = false;  // the last parenthesis that closed was that of a row: after a comma, another may come
  bool sound_ = true;
  bool ended_ = false;  // by a semicolon
  bool has_comment_ = false;
  std::size_t depth_ = 0;
  std::array<Inside, most_depth> inside_;
  std::array<bool, most_depth> row_;    // of VALUES
  std::array<bool, most_depth> round_;  // ( and not [
};

}  // namespace

bool append_blind(std::string_view text, std::string& key) {
  return BlindText(text, key, false).run();
}

bool append_uncommented(std::string_view text, std::string& key) {
  const std::size_t end = text.find_last_not_of("; \t\r\n");
  if (end == std::string_view::npos || text[end] != '/') return false;
  BlindText exact(text, key, true);
  return exact.run() && exact.has_comment();
}

}  // namespace dbgate::sql
