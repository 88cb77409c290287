#pragma once
#include <cstdint>
#include <string>
#include <string_view>

// Writing JSON (RFC 8259) that stays one line and valid whatever bytes a text holds.
namespace dbgate::audit {

/// Appends `text` in quotes. Control characters, U+2028 and U+2029 are escaped; bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Appends `,"key":…`. Keys are ours and need no escaping.
void append_field(std::string& out, std::string_view key, std::string_view value);
void append_field(std::string& out, std::string_view key, std::uint64_t value);

}  // namespace dbgate::audit
