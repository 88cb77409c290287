#include <cstdint>

#include "gateway/sql/sign_reader.h"
#include "gateway/sql/tokens.h"

// What injections leave in a text, and what no editor shows: comments and characters.
namespace dbgate::sql {
namespace {

/// Of the characters that have no width or turn the direction of writing (Unicode's general category Cf, without the
/// soft hyphen), in valid UTF-8.
bool is_unseen(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  if (byte(0) == 0xe2 && byte(1) == 0x80)
    return (byte(2) >= 0x8b && byte(2) <= 0x8f) || (byte(2) >= 0xaa && byte(2) <= 0xae);
  if (byte(0) == 0xe2 && byte(1) == 0x81) return byte(2) >= 0xa0 && byte(2) <= 0xaf;
  return byte(0) == 0xef && byte(1) == 0xbb && byte(2) == 0xbf;
}

bool has_unseen(std::string_view text) {
  for (const char lead : {'\xe2', '\xef'}) {
    for (std::size_t at = text.find(lead); at != text.npos; at = text.find(lead, at + 1)) {
      if (is_unseen(text, at)) return true;
    }
  }
  return false;
}

// Between two tokens: blanks and comments.
void read_gap(std::string_view gap, bool behind_literal, bool last, Signs& signs) {
  const std::size_t line = gap.find("--");
  const std::size_t block = gap.find("/*");
  const bool begins_line = line != gap.npos && gap.find_first_not_of(" \t\r\n") == line;
  if (last && behind_literal && begins_line && gap.find('\n', line) == gap.npos) signs.set(Sign::comment_at_end);
  if (block == gap.npos) return;
  if (gap.substr(block).starts_with("/*!") || gap.find("/*", block + 2) < gap.find("*/", block + 2))
    signs.set(Sign::odd_comment);
}

}  // namespace

void add_text_signs(std::string_view text, Signs& signs) {
  const bool odd =
      text.find("--") != text.npos || text.find("/*") != text.npos || text.find('&') != text.npos || has_unseen(text);
  if (!odd) return;
  const auto tokens = tokenize(text);
  if (!tokens) return;
  std::size_t end = 0;
  bool behind_literal = false;
  for (const Token& token : *tokens) {
    read_gap(text.substr(end, token.begin - end), behind_literal, false, signs);
    const std::string_view written = text.substr(token.begin, token.end - token.begin);
    const bool literal = token.kind == TokenKind::literal;
    if (written == ";") {
      end = token.end;
      continue;
    }
    if (!literal && has_unseen(written)) signs.set(Sign::odd_characters);
    if (token.kind == TokenKind::quoted_word && (written.starts_with("U&") || written.starts_with("u&")))
      signs.set(Sign::unicode_identifier);
    behind_literal = literal || token.kind == TokenKind::number;
    end = token.end;
  }
  read_gap(text.substr(end), behind_literal, true, signs);
}

}  // namespace dbgate::sql
