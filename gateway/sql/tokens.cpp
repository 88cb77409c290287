#include "gateway/sql/tokens.h"

#include <algorithm>

namespace dbgate::sql {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool continues_word(char c) {
  return starts_word(c) || is_digit(c) || c == '$';
}
bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_operator(char c) {
  return std::string_view("~!@#^&|`?+-*/%<>=").find(c) != std::string_view::npos;
}
char folded(char c) {
  return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::optional<std::vector<Token>> run() {
    while (!failed_) {
      skip_blanks();
      if (failed_ || at_ >= text_.size()) break;
      const std::size_t begin = at_;
      const TokenKind kind = next();
      tokens_.push_back({kind, begin, at_});
    }
    if (failed_) return std::nullopt;
    return std::move(tokens_);
  }

 private:
  bool sees(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  char peek(std::size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void skip_blanks() {
    while (at_ < text_.size() && !failed_) {
      if (is_blank(text_[at_])) {
        ++at_;
      } else if (sees("--")) {
        at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
      } else if (sees("/*")) {
        skip_comment();
      } else {
        return;
      }
    }
  }

  void skip_comment() {
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      if (sees("/*")) {
        ++depth;
        at_ += 2;
      } else if (sees("*/")) {
        at_ += 2;
        if (--depth == 0) return;
      } else {
        ++at_;
      }
    }
    failed_ = true;
  }

  TokenKind next() {
    const char c = text_[at_];
    if (starts_word(c)) return on_word();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return on_number();
    if (c == '\'') return quoted('\'', false, TokenKind::literal);
    if (c == '"') return quoted('"', false, TokenKind::quoted_word);
    if (c == '$') return on_dollar();
    if (is_operator(c)) return on_operator();
    at_ += sees("..") || sees("::") || sees(":=") ? 2 : 1;
    return TokenKind::punctuation;
  }

  TokenKind on_word() {
    const char prefix = folded(text_[at_]);
    if (std::string_view("ebxn").find(prefix) != std::string_view::npos && peek(1) == '\'') {
      ++at_;
      return quoted('\'', prefix == 'e', TokenKind::literal);
    }
    if (prefix == 'u' && peek(1) == '&' && (peek(2) == '\'' || peek(2) == '"')) {
      at_ += 2;
      return text_[at_] == '"' ? quoted('"', false, TokenKind::quoted_word) : quoted('\'', false, TokenKind::literal);
    }
    while (at_ < text_.size() && continues_word(text_[at_]))
      ++at_;
    return TokenKind::word;
  }

  // 1..10 is 1, then two dots: only a number of its own takes the dot.
  TokenKind on_number() {
    skip_digits();
    if (peek(0) == '.' && peek(1) != '.') {
      ++at_;
      skip_digits();
    }
    if (folded(peek(0)) == 'e') {
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
      if (is_digit(peek(sign))) {
        at_ += sign;
        skip_digits();
      }
    }
    return TokenKind::number;
  }

  void skip_digits() {
    while (is_digit(peek(0)))
      ++at_;
  }

  TokenKind quoted(char mark, bool escapes, TokenKind kind) {
    for (;;) {
      for (++at_; at_ < text_.size() && text_[at_] != mark; ++at_) {
        if (escapes && text_[at_] == '\\') ++at_;
      }
      if (at_ >= text_.size()) {
        failed_ = true;
        return kind;
      }
      ++at_;
      if (peek(0) == mark) continue;  // doubled
      if (mark != '\'' || !goes_on_after_newline()) return kind;
    }
  }

  // Literals with a line end between them are one (manual ch. 4.1.2.1); the second has the escapes of the first.
  bool goes_on_after_newline() {
    const std::size_t end = at_;
    bool newline = false;
    while (at_ < text_.size()) {
      if (is_blank(text_[at_])) {
        newline = newline || text_[at_] == '\n' || text_[at_] == '\r';
        ++at_;
      } else if (sees("--")) {
        at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
      } else {
        break;
      }
    }
    if (newline && peek(0) == '\'') return true;
    at_ = end;
    return false;
  }

  TokenKind on_dollar() {
    if (is_digit(peek(1))) {
      ++at_;
      skip_digits();
      return TokenKind::parameter;
    }
    std::size_t end = at_ + 1;
    if (end < text_.size() && starts_word(text_[end])) {
      while (end < text_.size() && continues_word(text_[end]) && text_[end] != '$')
        ++end;
    }
    if (end >= text_.size() || text_[end] != '$') {
      ++at_;
      return TokenKind::punctuation;
    }
    const std::string_view tag = text_.substr(at_, end - at_ + 1);
    const std::size_t close = text_.find(tag, end + 1);
    failed_ = close == std::string_view::npos;
    at_ = failed_ ? text_.size() : close + tag.size();
    return TokenKind::literal;
  }

  // The longest run, but for a comment that starts in it, and for a + or - at its end unless one of ~!@#^&|`?% is in
  // it too (manual ch. 4.1.3).
  TokenKind on_operator() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_operator(text_[at_]) && !sees("--") && !sees("/*"))
      ++at_;
    const std::string_view run = text_.substr(begin, at_ - begin);
    if (run.find_first_of("~!@#^&|`?%") == std::string_view::npos) {
      while (at_ - begin > 1 && (text_[at_ - 1] == '+' || text_[at_ - 1] == '-'))
        --at_;
    }
    return TokenKind::oper;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  bool failed_ = false;
};

}  // namespace

std::optional<std::vector<Token>> tokenize(std::string_view text) {
  return Lexer(text).run();
}

bool is_keyword(std::string_view text, const Token& token, std::string_view keyword) {
  if (token.kind != TokenKind::word || token.end - token.begin != keyword.size()) return false;
  return std::equal(keyword.begin(), keyword.end(), text.begin() + static_cast<std::ptrdiff_t>(token.begin),
                    [](char expected, char c) { return expected == folded(c); });
}

std::string name_of(std::string_view text, const Token& token) {
  std::string_view written = text.substr(token.begin, token.end - token.begin);
  std::string name;
  if (token.kind != TokenKind::quoted_word) {
    for (const char c : written)
      name.push_back(folded(c));
    return name;
  }
  written.remove_prefix(written.find('"') + 1);
  written.remove_suffix(1);
  for (std::size_t i = 0; i < written.size(); ++i) {
    name.push_back(written[i]);
    if (written[i] == '"') ++i;
  }
  return name;
}

std::vector<WideName> wide_names(std::string_view text) {
  const auto tokens = tokenize(text);
  if (!tokens) return {WideName{}};
  std::vector<WideName> names;
  for (const Token& token : *tokens) {
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted_word) continue;
    const std::string_view written = text.substr(token.begin, token.end - token.begin);
    const bool wide = std::any_of(written.begin(), written.end(), [](char c) { return (c & 0x80) != 0; });
    const bool quoted = token.kind == TokenKind::quoted_word;
    const bool escapes = quoted && written.front() != '"';
    if (wide || escapes) names.push_back({name_of(text, token), quoted && !escapes});
  }
  return names;
}

std::optional<std::string> plain_literal(std::string_view text, const Token& token) {
  if (token.kind != TokenKind::literal) return std::nullopt;
  std::string_view written = text.substr(token.begin, token.end - token.begin);
  if (written.front() == '$') {
    const std::size_t tag = written.find('$', 1) + 1;
    return std::string(written.substr(tag, written.size() - 2 * tag));
  }
  if (written.front() != '\'') return std::nullopt;
  std::string value;
  for (std::size_t i = 1; i + 1 < written.size(); ++i) {
    value.push_back(written[i]);
    if (written[i] != '\'') continue;
    if (written[i + 1] != '\'') return std::nullopt;  // goes on after a line end
    ++i;
  }
  return value;
}

}  // namespace dbgate::sql
