#include "gateway/sql/prescan.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace dbgate::sql {
namespace {

enum Class : std::uint8_t {
  blank,
  word,
  digit,
  quote,
  double_quote,
  dollar,
  open,
  close,
  oper,
  punctuation,
  high,
  nul
};

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (std::size_t c = 0; c < 256; ++c)
    classes[c] = c >= 0x80 ? high : punctuation;
  classes[0] = nul;
  for (const char c : {' ', '\t', '\n', '\r', '\f', '\v'})
    classes[static_cast<unsigned char>(c)] = blank;
  for (std::size_t c = 'a'; c <= 'z'; ++c)
    classes[c] = classes[c - 'a' + 'A'] = word;
  classes['_'] = word;
  for (std::size_t c = '0'; c <= '9'; ++c)
    classes[c] = digit;
  classes['\''] = quote;
  classes['"'] = double_quote;
  classes['$'] = dollar;
  classes['('] = classes['['] = open;
  classes[')'] = classes[']'] = close;
  for (const char c : std::string_view("~!@#^&|`?+-*/%<>="))
    classes[static_cast<unsigned char>(c)] = oper;
  return classes;
}
constexpr std::array<std::uint8_t, 256> classes = make_classes();

// Length of the UTF-8 sequence at the front of `text` (RFC 3629: no overlong forms, no surrogates), 0 if invalid.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high_end = 0xbf) {
    return i < text.size() && byte(i) >= low && byte(i) <= high_end;
  };
  const unsigned lead = byte(0);
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned end = lead == 0xed ? 0x9f : 0xbf;
    return follows(1, low, end) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned end = lead == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, end) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// Whether eight bytes are ASCII without a NUL.
bool is_plain(const char* bytes) {
  constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return (((word - ones) | word) & highs) == 0;
}

/// Finds the first byte that no statement text may hold; npos if there is none.
std::size_t first_invalid_byte(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    while (text.size() - at >= 8 && is_plain(text.data() + at))
      at += 8;
    if (at == text.size()) break;
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == 0) return at;
    if (c < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = utf8_length(text.substr(at, 4));
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

// A run of operator characters without comments in it is charged once; both leave room for any text that people write.
constexpr std::size_t scan_work_base = 1u << 20;
constexpr std::size_t scan_work_per_byte = 4;

class Scanner {
 public:
  Scanner(std::string_view text, const ScanLimits& limits) : text_(text), limits_(limits) {}

  Result<ScanSummary> run() {
    while (at_ < text_.size() && !failed_)
      step();
    if (failed_) return error_;
    return summary_;
  }

 private:
  void step() {
    switch (classes[static_cast<unsigned char>(text_[at_])]) {
      case blank:
        ++at_;
        return;
      case word:
      case high:
        on_word();
        break;
      case digit:
        on_number();
        break;
      case quote:
        skip_literal(false);
        break;
      case double_quote:
        skip_name();
        break;
      case dollar:
        on_dollar();
        break;
      case open:
        ++at_;
        if (++depth_ > limits_.max_nesting)
          return fail(sqlstate::statement_too_complex, "nesting", limits_.max_nesting);
        summary_.nesting = std::max(summary_.nesting, depth_);
        break;
      case close:
        ++at_;
        if (depth_ > 0) --depth_;
        break;
      case oper:
        if (on_operator()) return;
        break;
      default:
        ++at_;
        break;
    }
    if (++summary_.tokens > limits_.max_tokens) {
      fail(sqlstate::program_limit_exceeded, "number of tokens", limits_.max_tokens);
    }
  }

  template <class Predicate>
  void skip_while(Predicate&& goes_on) {
    while (at_ < text_.size() && goes_on(classes[static_cast<unsigned char>(text_[at_])]))
      ++at_;
  }

  // Identifiers and keywords, and the prefixes that change what a following quote means: E'…' has escapes; B, X, N and
  // U& do not matter here.
  void on_word() {
    const std::size_t start = at_;
    bool wide = false;
    skip_while([&wide](std::uint8_t c) {
      wide |= c == high;
      return c == word || c == digit || c == high || c == dollar;
    });
    const bool unicode = at_ - start == 1 && (text_[start] == 'u' || text_[start] == 'U');
    if (wide || (unicode && text_.substr(at_, 2) == "&\"")) summary_.wide_names = true;
    const bool escapes = at_ - start == 1 && (text_[start] == 'e' || text_[start] == 'E');
    if (escapes && at_ < text_.size() && text_[at_] == '\'') skip_literal(true);
  }

  // With what follows it at once: no grammar takes that for two tokens.
  void on_number() {
    bool wide = false;
    skip_while([&wide](std::uint8_t c) {
      wide |= c == high;
      return c == digit || c == word || c == high;
    });
    if (wide) summary_.wide_names = true;
  }

  void skip_literal(bool escapes) {
    if (!escapes) return skip_quoted('\'');
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '\'') {
        ++at_;
        return;
      }
    }
  }

  void skip_name() {
    const std::size_t start = at_;
    skip_quoted('"');
    const std::string_view name = text_.substr(start, at_ - start);
    summary_.wide_names |= std::any_of(name.begin(), name.end(), [](char c) { return (c & 0x80) != 0; });
  }

  // A doubled quote ends one token and starts the next at once, which comes to the same here.
  void skip_quoted(char mark) {
    const std::size_t end = text_.find(mark, at_ + 1);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
  }

  // $tag$ … $tag$, or a parameter such as $1.
  void on_dollar() {
    std::size_t end = at_ + 1;
    if (end < text_.size() && classes[static_cast<unsigned char>(text_[end])] != digit) {
      while (end < text_.size() && is_tag(text_[end]))
        ++end;
      if (end < text_.size() && text_[end] == '$') {
        const std::string_view tag = text_.substr(at_, end - at_ + 1);
        // Faster than find() where the text is full of dollars.
        const void* const found = ::memmem(text_.data() + end + 1, text_.size() - end - 1, tag.data(), tag.size());
        if (found == nullptr) {
          at_ = text_.size();
        } else {
          at_ = static_cast<std::size_t>(static_cast<const char*>(found) - text_.data()) + tag.size();
        }
        return;
      }
    }
    ++at_;
    skip_while([](std::uint8_t c) { return c == digit; });
  }

  static bool is_tag(char c) {
    const std::uint8_t kind = classes[static_cast<unsigned char>(c)];
    return kind == word || kind == digit || kind == high;
  }

  // Returns true if it was a comment, which is no token.
  bool on_operator() {
    const std::size_t start = at_;
    if (!charge()) return true;
    while (at_ < text_.size() && classes[static_cast<unsigned char>(text_[at_])] == oper) {
      const std::string_view rest = text_.substr(at_, 2);
      if (rest == "--" || rest == "/*") break;
      ++at_;
    }
    if (at_ - start > limits_.max_operator_run) {
      fail(sqlstate::program_limit_exceeded, "length of an operator", limits_.max_operator_run);
      return true;
    }
    if (at_ > start) return false;
    if (text_[at_] == '-') {
      const std::size_t end = text_.find_first_of("\r\n", at_);
      at_ = end == std::string_view::npos ? text_.size() : end;
    } else {
      skip_comment();
    }
    return true;
  }

  void skip_comment() {
    std::size_t depth = 0;
    while (at_ + 1 < text_.size()) {
      if (text_[at_] == '/' && text_[at_ + 1] == '*') {
        if (depth > 0 && !charge()) return;
        at_ += 2;
        if (++depth > limits_.max_comment_depth) {
          return fail(sqlstate::statement_too_complex, "nesting of comments", limits_.max_comment_depth);
        }
      } else if (text_[at_] == '*' && text_[at_ + 1] == '/') {
        at_ += 2;
        if (--depth == 0) return;
      } else {
        ++at_;
      }
    }
    at_ = text_.size();
  }

  // PostgreSQL's scanner takes the longest run of operator characters at the start of an operator and of a comment,
  // then gives back all but the first (scan.l, xcstart and operator): text such as /**//**//**/ costs it the square of
  // its length. False if that is more than any text needs.
  bool charge() {
    if (at_ >= run_end_) {
      run_end_ = at_;
      while (run_end_ < text_.size() && classes[static_cast<unsigned char>(text_[run_end_])] == oper)
        ++run_end_;
    }
    work_ += run_end_ - at_;
    if (work_ <= scan_work_base + scan_work_per_byte * text_.size()) return true;
    fail(sqlstate::statement_too_complex, "adjoining comments and operators",
         scan_work_base + scan_work_per_byte * text_.size());
    return false;
  }

  void fail(SqlState code, const char* what, std::size_t limit) {
    failed_ = true;
    error_ = Error(code, std::string("statement exceeds dbgate's limit on ") + what + " (" + std::to_string(limit) +
                             ") at byte " + std::to_string(at_));
  }

  std::string_view text_;
  const ScanLimits& limits_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t run_end_ = 0;  // of the run of operator characters that at_ lies in
  std::size_t work_ = 0;     // steps that PostgreSQL's scanner will take over such runs
  ScanSummary summary_;
  bool failed_ = false;
  Error error_;
};

}  // namespace

Result<ScanSummary> prescan(std::string_view text, const ScanLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return Error(sqlstate::program_limit_exceeded, "statement of " + std::to_string(text.size()) +
                                                       " bytes exceeds the limit of " +
                                                       std::to_string(limits.max_bytes) + " bytes");
  }
  if (const std::size_t bad = first_invalid_byte(text); bad != std::string_view::npos) {
    return Error(sqlstate::character_not_in_repertoire,
                 "invalid byte sequence for encoding \"UTF8\" at byte " + std::to_string(bad));
  }
  return Scanner(text, limits).run();
}

}  // namespace dbgate::sql
