#include <array>

#include "gateway/adapters/store/sql_database.h"

namespace dbgate::adapters::store {
namespace {

// A row of Unicode's table 3-7: lead bytes, how many follow, and what the first of those may be.
struct Lead {
  unsigned char from, to;
  std::size_t more;
  unsigned char least, most;
};
constexpr std::array leads{
    Lead{0x01, 0x7f, 0, 0, 0},       Lead{0xc2, 0xdf, 1, 0x80, 0xbf}, Lead{0xe0, 0xe0, 2, 0xa0, 0xbf},
    Lead{0xe1, 0xec, 2, 0x80, 0xbf}, Lead{0xed, 0xed, 2, 0x80, 0x9f}, Lead{0xee, 0xef, 2, 0x80, 0xbf},
    Lead{0xf0, 0xf0, 3, 0x90, 0xbf}, Lead{0xf1, 0xf3, 3, 0x80, 0xbf}, Lead{0xf4, 0xf4, 3, 0x80, 0x8f},
};

// Bytes of the character that `text` begins with; 0: it begins with none.
std::size_t character(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const Lead& lead : leads) {
    if (at(0) < lead.from || at(0) > lead.to) continue;
    if (text.size() <= lead.more) return 0;
    for (std::size_t i = 1; i <= lead.more; ++i) {
      const bool fits = i == 1 ? at(i) >= lead.least && at(i) <= lead.most : (at(i) & 0xc0) == 0x80;
      if (!fits) return 0;
    }
    return lead.more + 1;
  }
  return 0;
}

}  // namespace

bool storable_text(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = character(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace dbgate::adapters::store
