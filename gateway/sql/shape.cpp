#include "gateway/sql/shape.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "gateway/sql/shape_tokens.h"

namespace dbgate::sql {
namespace {

using Words = std::initializer_list<std::string_view>;

bool one_of(std::string_view word, Words words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// What stands between two parentheses, as far as it says whether a constant there is a value.
enum class Inside : std::uint8_t {
  plain,   ///< a condition or a query: comparisons count
  list,    ///< IN (…)
  row,     ///< a row of VALUES
  opaque,  ///< arguments of a function, of a type, of a clause: a constant may be a name, code, or a place
};

/// Reads a statement's tokens from left to right. Whether a constant is a value depends on its neighbours and on the
/// parentheses around it, never on other constants: statements of one shape agree in what was taken out.
class Shape {
 public:
  Shape(std::string_view text, const std::vector<ShapeToken>& tokens) : text_(text), tokens_(tokens) {
    shape_.reserve(text.size() + tokens.size());
    words_.reserve(tokens.size());
    for (const ShapeToken& token : tokens)
      words_.push_back(spelling(token));
  }

  std::string run() {
    const std::size_t first = first_word();
    // Others have settings, options and code where these have values.
    const bool values = first < tokens_.size() && is_word(first) &&
                        one_of(words_[first], {"select", "insert", "update", "delete", "merge", "values", "with"});
    for (at_ = 0; at_ < tokens_.size(); ++at_) {
      track_parentheses();
      const ShapeTokenKind kind = tokens_[at_].kind;
      const bool constant = kind == ShapeTokenKind::number || kind == ShapeTokenKind::string;
      append(constant && values && is_value() ? stand_in() : words_[at_]);
    }
    return std::move(shape_);
  }

 private:
  std::string_view spelling(const ShapeToken& token) {
    if (token.kind == ShapeTokenKind::word) {
      // As PostgreSQL folds in UTF-8: ASCII alone.
      for (std::size_t at = token.begin; at < token.end; ++at) {
        char& c = text_[at];
        c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      }
    }
    return token.of(text_);
  }

  std::size_t first_word() const {
    std::size_t at = 0;
    while (at < tokens_.size() && (tokens_[at].kind == ShapeTokenKind::hint || words_[at] == "("))
      ++at;
    return at;
  }

  bool is(std::size_t at, std::string_view word) const { return at < tokens_.size() && words_[at] == word; }
  // A keyword, or a name that is spelt like one only if it is not qualified: s.in(…) is a function.
  bool is_word(std::size_t at) const {
    return at < tokens_.size() && tokens_[at].kind == ShapeTokenKind::word && (at == 0 || words_[at - 1] != ".");
  }
  bool is_keyword(std::size_t at, Words words) const { return is_word(at) && one_of(words_[at], words); }

  void track_parentheses() {
    if (is(at_, ")") && !inside_.empty()) {
      closed_row_ = inside_.back() == Inside::row;
      inside_.pop_back();
    } else if (is(at_, "(")) {
      inside_.push_back(kind_of_parenthesis());
      closed_row_ = false;
    } else if (!is(at_, ",")) {
      closed_row_ = false;
    }
  }

  Inside kind_of_parenthesis() const {
    if (innermost() == Inside::opaque) return Inside::opaque;
    if (at_ == 0) return Inside::plain;
    const std::size_t before = at_ - 1;
    if (is_keyword(before, {"values"})) return Inside::row;
    if (closed_row_ && is(before, ",")) return Inside::row;
    if (is_keyword(before, {"in"})) {
      // IN (SELECT … ORDER BY 1, 2): a query, not a list.
      const bool constant =
          at_ + 1 < tokens_.size() && tokens_[at_ + 1].kind != ShapeTokenKind::word && !is(at_ + 1, "(");
      return constant ? Inside::list : Inside::plain;
    }
    const bool symbol = tokens_[before].kind == ShapeTokenKind::oper || is(before, "(") || is(before, ",");
    const bool clause = is_keyword(
        before, {"select", "where", "and",  "or",   "not",   "on",  "from",   "join",      "exists",  "as",
                 "having", "when",  "then", "else", "union", "all", "except", "intersect", "lateral", "materialized"});
    return symbol || clause ? Inside::plain : Inside::opaque;
  }

  Inside innermost() const { return inside_.empty() ? Inside::plain : inside_.back(); }

  // Of the constant at at_.
  bool is_value() const {
    if (at_ == 0 || innermost() == Inside::opaque) return false;
    const bool negative = is(at_ - 1, "-") && at_ >= 2 && tokens_[at_].kind == ShapeTokenKind::number;
    const std::size_t before = negative ? at_ - 2 : at_ - 1;
    const bool element = innermost() == Inside::list || innermost() == Inside::row;
    if (element && (is(before, "(") || is(before, ","))) return is(at_ + 1, ",") || is(at_ + 1, ")");
    if (is_comparison(before)) return ends_operand(at_ + 1);
    if (is_keyword(before, {"between"})) return !negative && is_keyword(at_ + 1, {"and"});
    if (negative || !is_keyword(before, {"and"}) || before < 2) return false;
    return is_constant(before - 1) && is_keyword(before - 2, {"between"}) && ends_operand(at_ + 1);
  }

  bool is_constant(std::size_t at) const {
    return tokens_[at].kind == ShapeTokenKind::number || tokens_[at].kind == ShapeTokenKind::string;
  }

  bool is_comparison(std::size_t at) const {
    if (is_keyword(at, {"like", "ilike"})) return true;
    return tokens_[at].kind == ShapeTokenKind::oper && one_of(words_[at], {"=", "<>", "!=", "<", "<=", ">", ">="});
  }

  // Nothing that could make the constant before it something else: no cast, no operator, no ESCAPE, no field.
  bool ends_operand(std::size_t at) const {
    if (at >= tokens_.size() || is(at, ")") || is(at, ",")) return true;
    return is_keyword(at, {"and",       "or",     "order", "group", "limit", "offset",    "fetch",  "for",
                           "returning", "having", "where", "from",  "union", "intersect", "except", "then",
                           "join",      "left",   "right", "inner", "full",  "cross",     "on"});
  }

  std::string_view stand_in() const {
    if (tokens_[at_].kind == ShapeTokenKind::string) return "''";
    const std::string_view word = words_[at_];
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), number);
    // By what PostgreSQL takes it for: integer, bigint, numeric.
    if (failed != std::errc() || end != word.data() + word.size() || number > INT64_MAX) return "0.0";
    return number > INT32_MAX ? "2147483648" : "0";
  }

  void append(std::string_view word) {
    const char last = shape_.empty() ? '(' : shape_.back();
    // Around dots and inside parentheses no blank is needed to keep tokens apart.
    const bool joined = last == '(' || (last == '.' && tight_) || word == ")" || word == "," || word == ".";
    tight_ = word == ".";
    if (!joined) shape_ += ' ';
    shape_ += word;
  }

  std::string text_;  // its words are folded in place
  const std::vector<ShapeToken>& tokens_;
  std::vector<std::string_view> words_;
  std::vector<Inside> inside_;
  std::size_t at_ = 0;
  bool closed_row_ = false;
  bool tight_ = false;  // the last token is a dot, not a number that ends in one
  std::string shape_;
};

}  // namespace

std::string shape_of(std::string_view statement) {
  if (statement.size() > max_shape_bytes) return {};
  const auto tokens = shape_tokens_of(statement);
  if (!tokens) return {};
  // Extensions read hints at the head of a statement; elsewhere one would only stand between words that belong
  // together.
  for (std::size_t i = 2; i < tokens->size(); ++i) {
    if ((*tokens)[i].kind == ShapeTokenKind::hint) return {};
  }
  return Shape(statement, *tokens).run();
}

}  // namespace dbgate::sql
