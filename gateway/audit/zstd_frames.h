#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"

struct ZSTD_CCtx_s;

// Compressed segments: zstd's seekable format (contrib/seekable_format of zstd), so that any zstd decompresses them and
// a record in the middle is reached without what stands in front of it.
//
//   frame × n · skippable frame: [u32 packed bytes · u32 bytes] × n · u32 n · u8 0 · u32 0x8F92EAB1    (little-endian)
namespace dbgate::audit {

/// A part that is compressed for itself, and where it is of both.
struct Frame {
  std::uint64_t packed_at = 0;  ///< bytes from the file's start
  std::uint32_t packed = 0;     ///< bytes in the file
  std::uint64_t at = 0;         ///< bytes from the segment's start
  std::uint32_t bytes = 0;      ///< of the segment
};

/// Bytes of a segment in one frame. Reading a block of the index (256 kB) costs three of them at most.
inline constexpr std::size_t frame_bytes = 128u << 10;
/// A frame that claims more was not written by dbgate.
inline constexpr std::uint32_t most_frame_bytes = 16u << 20;
/// Of a seek table, what stands behind its entries.
inline constexpr std::size_t seek_footer_bytes = 9;

/// Compresses a segment frame by frame.
class FrameWriter {
 public:
  FrameWriter();
  /// @param content  frame_bytes of it, less at the end. @return the frame
  std::string add(std::string_view content);
  /// What the file ends with.
  std::string seek_table() const;

 private:
  std::unique_ptr<ZSTD_CCtx_s, std::size_t (*)(ZSTD_CCtx_s*)> context_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sizes_;  // packed, not
};

/// How many bytes the seek table has, of which a file ends with `footer` (seek_footer_bytes); 0: it is none.
std::uint64_t seek_table_bytes(std::string_view footer);
/// @param table  as many bytes. @param file_bytes  of all. Errors: XX001 it does not fit the file.
Result<std::vector<Frame>> read_seek_table(std::string_view table, std::uint64_t file_bytes);
/// The content of a frame. Errors: XX001 its checksum or its size is wrong.
Result<std::string> unpack(std::string_view packed, const Frame& frame);

}  // namespace dbgate::audit
