#include "gateway/audit/zstd_frames.h"

#include <zstd.h>

#include <new>

namespace dbgate::audit {
namespace {

constexpr std::uint32_t skippable_magic = 0x184D2A5E;
constexpr std::uint32_t seek_magic = 0x8F92EAB1;
constexpr std::size_t entry_bytes = 8;
constexpr std::size_t header_bytes = 8;
// Bit 7: entries have checksums besides. Frames have their own, which every zstd checks.
constexpr char descriptor = 0;
constexpr int level = 3;  // zstd's own choice

void append_u32(std::string& out, std::uint64_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    out += static_cast<char>(number >> shift & 0xff);
}

std::uint32_t u32_at(std::string_view text, std::size_t at) {
  std::uint32_t number = 0;
  for (unsigned i = 0; i < 4; ++i)
    number |= std::uint32_t{static_cast<unsigned char>(text[at + i])} << 8 * i;
  return number;
}

Error damaged(const char* what) {
  return {sqlstate::data_corrupted, what};
}

}  // namespace

FrameWriter::FrameWriter() : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
  if (!context_) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
}

std::string FrameWriter::add(std::string_view content) {
  std::string packed(ZSTD_compressBound(content.size()), '\0');
  const std::size_t bytes =
      ZSTD_compress2(context_.get(), packed.data(), packed.size(), content.data(), content.size());
  if (ZSTD_isError(bytes) != 0) throw std::bad_alloc();  // there is room, so memory is what it lacks
  packed.resize(bytes);
  sizes_.emplace_back(static_cast<std::uint32_t>(bytes), static_cast<std::uint32_t>(content.size()));
  return packed;
}

std::string FrameWriter::seek_table() const {
  std::string table;
  append_u32(table, skippable_magic);
  append_u32(table, sizes_.size() * entry_bytes + seek_footer_bytes);
  for (const auto& [packed, bytes] : sizes_) {
    append_u32(table, packed);
    append_u32(table, bytes);
  }
  append_u32(table, sizes_.size());
  table += descriptor;
  append_u32(table, seek_magic);
  return table;
}

std::uint64_t seek_table_bytes(std::string_view footer) {
  if (footer.size() != seek_footer_bytes || u32_at(footer, 5) != seek_magic || footer[4] != descriptor) return 0;
  return header_bytes + std::uint64_t{u32_at(footer, 0)} * entry_bytes + seek_footer_bytes;
}

Result<std::vector<Frame>> read_seek_table(std::string_view table, std::uint64_t file_bytes) {
  const Error other = damaged("its seek table does not fit it");
  if (table.size() < header_bytes + seek_footer_bytes || table.size() > file_bytes) return other;
  if (u32_at(table, 0) != skippable_magic || u32_at(table, 4) != table.size() - header_bytes) return other;
  std::vector<Frame> frames;
  Frame next;
  for (std::size_t at = header_bytes; at + seek_footer_bytes < table.size(); at += entry_bytes) {
    next.packed = u32_at(table, at);
    next.bytes = u32_at(table, at + 4);
    if (next.packed == 0 || next.bytes == 0 || next.bytes > most_frame_bytes) return other;
    frames.push_back(next);
    next.packed_at += next.packed;
    next.at += next.bytes;
  }
  if (next.packed_at != file_bytes - table.size()) return other;
  return frames;
}

Result<std::string> unpack(std::string_view packed, const Frame& frame) {
  std::string content(frame.bytes, '\0');
  const std::size_t bytes = ZSTD_decompress(content.data(), content.size(), packed.data(), packed.size());
  if (ZSTD_isError(bytes) != 0 || bytes != content.size()) return damaged("a part of it cannot be decompressed");
  return content;
}

}  // namespace dbgate::audit
