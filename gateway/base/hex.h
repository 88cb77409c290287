#pragma once
#include <string>
#include <string_view>

namespace dbgate {

/// Two lower-case hexadecimal digits for each byte.
std::string to_hex(std::string_view raw);

}  // namespace dbgate
