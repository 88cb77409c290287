#include "gateway/sql/shape_tokens.h"

#include <algorithm>

namespace dbgate::sql {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_operator(char c) {
  return std::string_view("~!@#^&|`?+-*/%<>=").find(c) != std::string_view::npos;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { tokens_.reserve(text.size() / 4 + 8); }

  std::optional<std::vector<ShapeToken>> run() {
    while (sound_ && at_ < text_.size()) {
      if (is_blank(text_[at_])) {
        ++at_;
      } else if (!comment()) {
        token();
      }
    }
    if (!sound_) return std::nullopt;
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void add(ShapeTokenKind kind, std::size_t end) {
    tokens_.push_back({kind, static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(end)});
    at_ = end;
  }

  void token() {
    const char c = text_[at_];
    if (starts_word(c)) return word();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '\'') return string(ShapeTokenKind::string, at_, false);
    if (c == '"') return quoted();
    if (c == '$') return dollar();
    if (is_operator(c)) return operators();
    if (c == ':' && (peek(1) == ':' || peek(1) == '=')) return add(ShapeTokenKind::mark, at_ + 2);
    if (c == '.' && peek(1) == '.') return give_up();
    if (std::string_view("()[],;:.").find(c) == std::string_view::npos) return give_up();
    add(ShapeTokenKind::mark, at_ + 1);
  }

  void give_up() { sound_ = false; }

  // A comment at this place is passed over; hints of extensions are kept.
  bool comment() {
    if (peek() == '-' && peek(1) == '-') {
      at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
      return true;
    }
    if (peek() != '/' || peek(1) != '*') return false;
    const bool hint = peek(2) == '+';
    std::size_t depth = 0;
    std::size_t end = at_;
    do {
      const std::string_view two = text_.substr(end, 2);
      if (two.size() < 2) {
        give_up();
        return true;
      }
      if (two == "/*") ++depth;
      if (two == "*/") --depth;
      end += two == "/*" || two == "*/" ? 2 : 1;
    } while (depth > 0);
    if (hint) {
      add(ShapeTokenKind::hint, end);
    } else {
      at_ = end;
    }
    return true;
  }

  void word() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && (starts_word(text_[end]) || is_digit(text_[end]) || text_[end] == '$'))
      ++end;
    const char first = static_cast<char>(text_[at_] | 0x20);
    if (end == at_ + 1 && end < text_.size()) {
      if (text_[end] == '\'' && first == 'e') return string(ShapeTokenKind::string, end, true);
      if (text_[end] == '\'' && (first == 'b' || first == 'x' || first == 'n'))
        return string(ShapeTokenKind::bits, end, false);
      const bool quotes = end + 1 < text_.size() && (text_[end + 1] == '\'' || text_[end + 1] == '"');
      if (first == 'u' && text_[end] == '&' && quotes) return give_up();
    }
    add(ShapeTokenKind::word, end);
  }

  void number() {
    std::size_t end = at_;
    const auto digits = [&] {
      const std::size_t from = end;
      while (end < text_.size() && is_digit(text_[end]))
        ++end;
      return end > from;
    };
    digits();
    if (end < text_.size() && text_[end] == '.') {
      if (end + 1 < text_.size() && text_[end + 1] == '.') return give_up();
      ++end;
      digits();
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      ++end;
      if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
      if (!digits()) return give_up();
    }
    // 1abc is an error in PostgreSQL 15 and two tokens before.
    if (end < text_.size() && (starts_word(text_[end]) || text_[end] == '.')) return give_up();
    add(ShapeTokenKind::number, end);
  }

  // `quote` is where the opening quote stands, behind a prefix if there is one.
  void string(ShapeTokenKind kind, std::size_t quote, bool escapes) {
    std::size_t end = quote + 1;
    for (;; ++end) {
      if (end >= text_.size()) return give_up();
      if (escapes && text_[end] == '\\') {
        ++end;
      } else if (text_[end] == '\'') {
        if (end + 1 >= text_.size() || text_[end + 1] != '\'') break;
        ++end;
      }
    }
    // The literal before this one goes on here, and by its rules.
    const bool continues =
        quote == at_ && !tokens_.empty() &&
        (tokens_.back().kind == ShapeTokenKind::string || tokens_.back().kind == ShapeTokenKind::bits);
    if (continues) return give_up();
    add(kind, end + 1);
  }

  void quoted() {
    std::size_t end = at_ + 1;
    for (;; ++end) {
      if (end >= text_.size()) return give_up();
      if (text_[end] != '"') continue;
      if (end + 1 >= text_.size() || text_[end + 1] != '"') break;
      ++end;
    }
    add(ShapeTokenKind::quoted, end + 1);
  }

  void dollar() {
    std::size_t end = at_ + 1;
    if (is_digit(peek(1))) {
      while (end < text_.size() && is_digit(text_[end]))
        ++end;
      if (end < text_.size() && starts_word(text_[end])) return give_up();
      return add(ShapeTokenKind::parameter, end);
    }
    while (end < text_.size() && (starts_word(text_[end]) || is_digit(text_[end])))
      ++end;
    if (end >= text_.size() || text_[end] != '$') return give_up();
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    const std::size_t close = text_.find(tag, end + 1);
    if (close == std::string_view::npos) return give_up();
    add(ShapeTokenKind::string, close + tag.size());
  }

  // The longest run of operator characters, up to a comment in it. One of several characters may end in + or - only if
  // it holds one of those that no SQL operator has (PostgreSQL manual ch. 4.1.3).
  void operators() {
    std::size_t end = at_;
    while (end < text_.size() && is_operator(text_[end])) {
      const std::string_view two = text_.substr(end, 2);
      if (end > at_ && (two == "--" || two == "/*")) break;
      ++end;
    }
    const auto run = [&] { return text_.substr(at_, end - at_); };
    if (run().find_first_of("~!@#^&|`?%") == std::string_view::npos) {
      while (end > at_ + 1 && (text_[end - 1] == '+' || text_[end - 1] == '-'))
        --end;
    }
    add(ShapeTokenKind::oper, end);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<ShapeToken> tokens_;
  bool sound_ = true;
};

}  // namespace

std::optional<std::vector<ShapeToken>> shape_tokens_of(std::string_view text) {
  if (text.size() > UINT32_MAX) return std::nullopt;
  return Scanner(text).run();
}

}  // namespace dbgate::sql
