#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "gateway/audit/text.h"

// Writing JSON (RFC 8259) that stays one line and valid whatever bytes a text holds. `Out` is std::string or Text.
namespace dbgate::audit {

/// Appends `text` in quotes. Control characters, U+2028 and U+2029 are escaped; bytes that are no UTF-8 become U+FFFD.
template <class Out>
void append_json_string(Out& out, std::string_view text);

/// Appends `{"hex":"…"}`, of bytes that are no text.
void append_hex(std::string& out, std::string_view bytes);

template <class Out>
void append_number(Out& out, std::uint64_t value);

/// Appends `,"key":…`. Keys are ours and need no escaping.
template <class Out>
void append_field(Out& out, std::string_view key, std::string_view value);
template <class Out>
void append_field(Out& out, std::string_view key, std::uint64_t value);

/// Appends `,"key":`, of a literal: as one piece whose length the compiler knows.
template <class Out, std::size_t N>
void append_key(Out& out, const char (&key)[N]) {
  std::array<char, N + 3> piece;
  piece[0] = ',';
  piece[1] = '"';
  std::memcpy(piece.data() + 2, key, N - 1);
  piece[N + 1] = '"';
  piece[N + 2] = ':';
  out.append(piece.data(), piece.size());
}

/// The same as by a view of the key, for those in the way of statements.
template <class Out, std::size_t N>
void append_member(Out& out, const char (&key)[N], std::string_view value) {
  append_key(out, key);
  append_json_string(out, value);
}
template <class Out, std::size_t N>
void append_member(Out& out, const char (&key)[N], std::uint64_t value) {
  append_key(out, key);
  append_number(out, value);
}
/// Of a value that has nothing to escape.
template <class Out, std::size_t N>
void append_plain(Out& out, const char (&key)[N], std::string_view value) {
  append_key(out, key);
  out += '"';
  out.append(value.data(), value.size());
  out += '"';
}

}  // namespace dbgate::audit
