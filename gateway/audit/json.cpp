#include "gateway/audit/json.h"

#include <array>
#include <charconv>
#include <cstring>

namespace dbgate::audit {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

// Length of the valid UTF-8 sequence at `at`, 0 if there is none (RFC 3629).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) length = 2;
  if (lead >= 0xe0 && lead <= 0xef) length = 3;
  if (lead >= 0xf0 && lead <= 0xf4) length = 4;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(at + i) < low || byte(at + i) > high) return 0;
    low = 0x80;
    high = 0xbf;
  }
  return length;
}

template <class Out>
void append_escaped(Out& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += hex_digits[c >> 4];
      out += hex_digits[c & 15];
      break;
  }
}

// Bytes that stand for themselves wherever they are.
constexpr std::array<bool, 256> make_plain_bytes() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7f; ++c)
    plain[c] = c != '"' && c != '\\';
  return plain;
}
constexpr std::array<bool, 256> plain_bytes = make_plain_bytes();

// The same for eight bytes at once, where none of them is special (Bit Twiddling Hacks, "Determine if a word has a byte
// less than n"). A byte that is not plain may make the ones behind it look special, never the other way round.
bool eight_are_plain(const char* bytes) {
  constexpr std::uint64_t each = 0x0101010101010101;
  constexpr std::uint64_t high = 0x80 * each;
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  const auto below = [&](std::uint64_t x, std::uint64_t least) { return (x - least * each) & ~x; };
  const std::uint64_t beyond = ((word & ~high) + each) | word;  // 0x7f and above
  const std::uint64_t special =
      below(word, 0x20) | below(word ^ ('"' * each), 1) | below(word ^ ('\\' * each), 1) | beyond;
  return (special & high) == 0;
}

std::size_t end_of_plain(std::string_view text, std::size_t at) {
  while (at + 8 <= text.size() && eight_are_plain(text.data() + at))
    at += 8;
  // The last few with some that have been looked at.
  if (at >= 8 && at + 8 > text.size() && eight_are_plain(text.data() + text.size() - 8)) return text.size();
  while (at < text.size() && plain_bytes[static_cast<unsigned char>(text[at])])
    ++at;
  return at;
}

template <class Out>
void append_named(Out& out, std::string_view key) {
  out += ",\"";
  out += key;
  out += "\":";
}

}  // namespace

template <class Out>
void append_json_string(Out& out, std::string_view text) {
  std::size_t at = end_of_plain(text, 0);
  if (at == text.size()) {
    out += '"';
    out.append(text.data(), at);
    out += '"';
    return;
  }
  out += '"';
  std::size_t plain = 0;  // start of what can be copied as it is
  const auto flush = [&] { out.append(text.data() + plain, at - plain); };
  for (;; at = end_of_plain(text, at)) {
    if (at == text.size()) break;
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
      flush();
      append_escaped(out, c);
      plain = ++at;
      continue;
    }
    const std::size_t length = sequence_length(text, at);
    if (length == 0) {
      flush();
      out += "\\ufffd";
      plain = ++at;
      continue;
    }
    // The line separators of JavaScript would end the line for some readers.
    const std::string_view sequence = text.substr(at, length);
    if (sequence == "\xe2\x80\xa8" || sequence == "\xe2\x80\xa9") {
      flush();
      out += sequence.back() == '\xa8' ? "\\u2028" : "\\u2029";
      plain = at + length;
    }
    at += length;
  }
  flush();
  out += '"';
}

template <class Out>
void append_number(Out& out, std::uint64_t value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

template <class Out>
void append_field(Out& out, std::string_view key, std::string_view value) {
  append_named(out, key);
  append_json_string(out, value);
}

template <class Out>
void append_field(Out& out, std::string_view key, std::uint64_t value) {
  append_named(out, key);
  append_number(out, value);
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "{\"hex\":\"";
  for (const char c : bytes) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  out += "\"}";
}

template void append_json_string(std::string&, std::string_view);
template void append_json_string(Text&, std::string_view);
template void append_number(std::string&, std::uint64_t);
template void append_number(Text&, std::uint64_t);
template void append_field(std::string&, std::string_view, std::string_view);
template void append_field(Text&, std::string_view, std::string_view);
template void append_field(std::string&, std::string_view, std::uint64_t);
template void append_field(Text&, std::string_view, std::uint64_t);

}  // namespace dbgate::audit
