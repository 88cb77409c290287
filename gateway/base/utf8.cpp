#include "gateway/base/utf8.h"

namespace dbgate {
namespace {

// How many bytes a character takes that begins with `lead`, and the least code point that may; 0: none begins so.
std::size_t sequence_bytes(unsigned char lead, unsigned& least) noexcept {
  least = lead < 0x80 ? 0 : lead < 0xE0 ? 0x80 : lead < 0xF0 ? 0x800 : 0x10000;
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    unsigned least = 0;
    const std::size_t size = sequence_bytes(lead, least);
    if (size == 0 || i + size > text.size()) return false;
    unsigned point = size == 1 ? lead : lead & (0x7Fu >> size);
    for (std::size_t k = 1; k < size; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      point = (point << 6) | (next & 0x3Fu);
    }
    if (point < least || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return false;
    i += size;
  }
  return true;
}

}  // namespace dbgate
