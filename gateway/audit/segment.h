#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/audit/zstd_frames.h"
#include "gateway/base/error.h"

// The one door to segments: their bytes as they were written, whether their file is as it was or compressed. A segment
// is called by the path of its plain file (audit-<chain>-<number>.jsonl); compressed, its file has `.zst` behind that.
// Where both are there, a crash came between making one and removing the other: the plain one counts.
namespace dbgate::audit {

inline constexpr std::string_view compressed_suffix = ".zst";

class Segment {
 public:
  /// Errors: 58030, also where there is none; XX001 its compressed file is damaged.
  static Result<Segment> open(const std::string& path);
  /// A compressed file that does not have its name yet. Errors: as above.
  static Result<Segment> open_compressed(const std::string& path, const std::string& file);
  Segment(Segment&& other) noexcept;
  Segment& operator=(Segment&& other) noexcept;
  ~Segment();

  /// Up to so many bytes from `offset` on; fewer where it ends, none behind that. Errors: 58030, XX001.
  Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t bytes);
  /// In bytes, as of now: it may grow.
  std::uint64_t size() const;
  bool compressed() const noexcept { return compressed_; }

 private:
  Segment(std::string path, int file, bool compressed) : path_(std::move(path)), file_(file), compressed_(compressed) {}
  Result<> read_frames();
  Result<> unpack_at(std::uint64_t offset);
  Result<std::size_t> read_file(std::uint64_t offset, char* to, std::size_t bytes) const;
  Error failed(const Error& why) const;

  std::string path_;
  int file_ = -1;
  bool compressed_ = false;
  std::vector<Frame> frames_;
  std::uint64_t size_ = 0;   ///< of a compressed one
  std::string content_;      ///< of the frame that was read last
  std::uint64_t begin_ = 0;  ///< where that begins
};

/// The lines of a segment, one behind the other.
class SegmentLines {
 public:
  /// A line that is longer was not written by dbgate.
  static constexpr std::size_t most_line_bytes = 256u << 20;

  /// @param from  where a line begins
  explicit SegmentLines(Segment segment, std::uint64_t from = 0) : segment_(std::move(segment)), at_(from) {}

  /// The next line that is whole, without its newline: a view until the next call. false: there is none (yet).
  /// Errors: 58030, XX001.
  Result<bool> next(std::string_view& line);
  /// What stands behind the last whole line, as far as it was read.
  std::string_view rest() const { return std::string_view(buffer_).substr(used_); }
  /// Where the next line begins.
  std::uint64_t offset() const noexcept { return at_; }

 private:
  Segment segment_;
  std::uint64_t at_;
  std::string buffer_;
  std::size_t used_ = 0;
};

/// The last whole line that ends within the first `end` bytes of a segment, and where it ends; empty without.
struct LastLine {
  std::string line;
  std::uint64_t end = 0;
};
/// @param start  where a line begins; nothing in front of it is read
Result<LastLine> last_line(const std::string& path, std::uint64_t start, std::uint64_t end);
/// Up to so many bytes of a segment; fewer if it ends. Errors: 58030, XX001.
Result<std::string> read_part(const std::string& path, std::uint64_t start, std::uint64_t bytes);
/// Whether there is one, in whatever form.
bool segment_exists(const std::string& path);

/// How long segments are, for whoever asks again and again. Used by one thread.
class SegmentSizes {
 public:
  /// In bytes of the segment. Without a value: there is none that can be read.
  Result<std::uint64_t> of(const std::string& path);

 private:
  struct Known {
    ::ino_t file = 0;
    ::off_t packed = 0;
    std::uint64_t size = 0;
  };
  std::map<std::string, Known> known_;  // of compressed ones
};

/// The segments of a directory, by chain and number: audit-<chain>-<number>.jsonl.
struct SegmentFile {
  std::string path;  ///< of the plain file, also where there is a compressed one in its place
  std::string chain;
  std::uint64_t number = 0;
  bool plain = false;  ///< its file is as it was written
  friend bool operator==(const SegmentFile&, const SegmentFile&) = default;
};
/// Also while segments are compressed: none is missed.
std::vector<SegmentFile> list_segments(const std::string& directory);
std::string segment_path(const std::string& directory, const std::string& chain, std::uint64_t number);

}  // namespace dbgate::audit
