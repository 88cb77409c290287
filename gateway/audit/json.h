#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/audit/text.h"

// Writing JSON (RFC 8259) that stays one line and valid whatever bytes a text holds. `Out` is std::string or Text.
namespace dbgate::audit {

/// Appends `text` in quotes. Control characters, U+2028 and U+2029 are escaped; bytes that are no UTF-8 become U+FFFD.
template <class Out>
void append_json_string(Out& out, std::string_view text);

/// Appends `,"key":…`. Keys are ours and need no escaping.
template <class Out>
void append_field(Out& out, std::string_view key, std::string_view value);
template <class Out>
void append_field(Out& out, std::string_view key, std::uint64_t value);

template <class Out>
void append_number(Out& out, std::uint64_t value);

}  // namespace dbgate::audit
