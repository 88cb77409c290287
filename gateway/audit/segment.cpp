#include "gateway/audit/segment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

namespace dbgate::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view segment_prefix = "audit-";
constexpr std::string_view segment_suffix = ".jsonl";
constexpr std::size_t read_bytes = 64u << 10;
constexpr std::uint64_t first_look = 16u << 10;

std::string compressed_path(const std::string& path) {
  return path + std::string(compressed_suffix);
}

// In this order: a segment is compressed before its plain file goes.
int open_either(const std::string& path, bool& compressed) {
  compressed = false;
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file >= 0 || errno != ENOENT) return file;
  file = ::open(compressed_path(path).c_str(), O_RDONLY | O_CLOEXEC);
  compressed = file >= 0;
  return file;
}

bool read_name(std::string name, SegmentFile& segment) {
  segment.plain = !name.ends_with(compressed_suffix);
  if (!segment.plain) name.resize(name.size() - compressed_suffix.size());
  if (!name.starts_with(segment_prefix) || !name.ends_with(segment_suffix)) return false;
  const std::size_t dash = name.rfind('-');
  if (dash <= segment_prefix.size()) return false;
  segment.chain = name.substr(segment_prefix.size(), dash - segment_prefix.size());
  const char* end = name.data() + name.size() - segment_suffix.size();
  const auto parsed = std::from_chars(name.data() + dash + 1, end, segment.number);
  segment.path = name;
  // One name for each number: of two that say the same only one could be read.
  return parsed.ec == std::errc() && parsed.ptr == end &&
         segment_path(".", segment.chain, segment.number) == "./" + name;
}

}  // namespace

Result<Segment> Segment::open(const std::string& path) {
  bool compressed = false;
  const int file = open_either(path, compressed);
  if (file < 0) return Error{sqlstate::io_error, "cannot read " + path + ": " + std::strerror(errno)};
  Segment segment(path, file, compressed);
  if (compressed) DBGATE_CHECK(segment.read_frames());
  return segment;
}

Result<Segment> Segment::open_compressed(const std::string& path, const std::string& file) {
  const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) return Error{sqlstate::io_error, "cannot read " + file + ": " + std::strerror(errno)};
  Segment segment(path, opened, true);
  DBGATE_CHECK(segment.read_frames());
  return segment;
}

Segment::Segment(Segment&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      compressed_(other.compressed_),
      frames_(std::move(other.frames_)),
      size_(other.size_),
      content_(std::move(other.content_)),
      begin_(other.begin_) {}

Segment& Segment::operator=(Segment&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(compressed_, other.compressed_);
  std::swap(frames_, other.frames_);
  std::swap(size_, other.size_);
  std::swap(content_, other.content_);
  std::swap(begin_, other.begin_);
  return *this;
}

Segment::~Segment() {
  if (file_ >= 0) ::close(file_);
}

Error Segment::failed(const Error& why) const {
  return {why.code(), "cannot read " + compressed_path(path_) + ": " + why.message(),
          "`zstd -t` says whether it is damaged"};
}

Result<std::size_t> Segment::read_file(std::uint64_t offset, char* to, std::size_t bytes) const {
  std::size_t got = 0;
  while (got < bytes) {
    const ssize_t n = ::pread(file_, to + got, bytes - got, static_cast<::off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error{sqlstate::io_error, "cannot read " + path_ + ": " + std::strerror(errno)};
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

Result<> Segment::read_frames() {
  const Error none = failed({sqlstate::data_corrupted, "it has no seek table, so it is cut off, or not dbgate's"});
  struct stat status {};
  if (::fstat(file_, &status) != 0 || status.st_size < static_cast<::off_t>(seek_footer_bytes)) return none;
  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  std::string footer(seek_footer_bytes, '\0');
  DBGATE_TRY(std::size_t got, read_file(file_bytes - footer.size(), footer.data(), footer.size()));
  const std::uint64_t bytes = seek_table_bytes(std::string_view(footer).substr(0, got));
  if (bytes == 0 || bytes > file_bytes) return none;
  std::string table(bytes, '\0');
  DBGATE_TRY(got, read_file(file_bytes - bytes, table.data(), table.size()));
  auto frames = read_seek_table(std::string_view(table).substr(0, got), file_bytes);
  if (!frames) return failed(frames.error());
  frames_ = std::move(*frames);
  size_ = frames_.empty() ? 0 : frames_.back().at + frames_.back().bytes;
  return boost::system::in_place_value;
}

Result<> Segment::unpack_at(std::uint64_t offset) {
  if (offset >= begin_ && offset - begin_ < content_.size()) return boost::system::in_place_value;
  const auto behind = std::upper_bound(frames_.begin(), frames_.end(), offset,
                                       [](std::uint64_t wanted, const Frame& frame) { return wanted < frame.at; });
  const Frame& frame = *std::prev(behind);
  std::string packed(frame.packed, '\0');
  DBGATE_TRY(const std::size_t got, read_file(frame.packed_at, packed.data(), packed.size()));
  auto content = unpack(std::string_view(packed).substr(0, got), frame);
  if (!content) return failed(content.error());
  content_ = std::move(*content);
  begin_ = frame.at;
  return boost::system::in_place_value;
}

Result<std::size_t> Segment::read(std::uint64_t offset, char* to, std::size_t bytes) {
  if (!compressed_) return read_file(offset, to, bytes);
  std::size_t got = 0;
  while (got < bytes && offset + got < size_) {
    DBGATE_CHECK(unpack_at(offset + got));
    const auto skip = static_cast<std::size_t>(offset + got - begin_);
    const std::size_t some = std::min(content_.size() - skip, bytes - got);
    std::memcpy(to + got, content_.data() + skip, some);
    got += some;
  }
  return got;
}

std::uint64_t Segment::size() const {
  if (compressed_) return size_;
  struct stat status {};
  return ::fstat(file_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

Result<bool> SegmentLines::next(std::string_view& line) {
  std::size_t looked = used_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', looked);
    if (end != std::string::npos) {
      line = std::string_view(buffer_).substr(used_, end - used_);
      at_ += line.size() + 1;
      used_ = end + 1;
      return true;
    }
    buffer_.erase(0, used_);
    used_ = 0;
    const std::size_t kept = buffer_.size();
    if (kept > most_line_bytes) return Error{sqlstate::data_corrupted, "a line is too long to be an audit record"};
    buffer_.resize(kept + read_bytes);
    const auto got = segment_.read(at_ + kept, buffer_.data() + kept, read_bytes);
    buffer_.resize(kept + (got ? *got : 0));
    if (!got) return got.error();
    if (*got == 0) return false;
    looked = kept;
  }
}

Result<std::string> read_part(const std::string& path, std::uint64_t start, std::uint64_t bytes) {
  DBGATE_TRY(Segment segment, Segment::open(path));
  std::string text(bytes, '\0');
  DBGATE_TRY(const std::size_t got, segment.read(start, text.data(), text.size()));
  text.resize(got);
  return text;
}

Result<LastLine> last_line(const std::string& path, std::uint64_t start, std::uint64_t end) {
  for (std::uint64_t bytes = first_look;; bytes *= 2) {
    const std::uint64_t from = end - start > bytes ? end - bytes : start;
    DBGATE_TRY(const std::string text, read_part(path, from, end - from));
    const std::size_t newline = text.rfind('\n');
    if (newline != std::string::npos) {
      const std::size_t before = newline == 0 ? std::string::npos : text.rfind('\n', newline - 1);
      if (before != std::string::npos || from == start) {
        const std::size_t begin = before == std::string::npos ? 0 : before + 1;
        return LastLine{text.substr(begin, newline - begin), from + newline + 1};
      }
    }
    if (from == start) return LastLine();
  }
}

bool segment_exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 || ::stat(compressed_path(path).c_str(), &status) == 0;
}

Result<std::uint64_t> SegmentSizes::of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
    return Error{sqlstate::io_error, path + " is no file"};
  }
  if (::stat(compressed_path(path).c_str(), &status) != 0)
    return Error{sqlstate::io_error, "cannot read " + path + ": " + std::strerror(errno)};
  Known& known = known_[path];
  if (known.file == status.st_ino && known.packed == status.st_size) return known.size;
  DBGATE_TRY(const Segment segment, Segment::open(path));
  known = {status.st_ino, status.st_size, segment.size()};
  return known.size;
}

std::vector<SegmentFile> list_segments(const std::string& directory) {
  std::map<std::pair<std::string, std::uint64_t>, SegmentFile> found;
  // Twice: whoever lists a directory may see neither the compressed file, which is new, nor the plain one, which has
  // gone meanwhile. By then the first is there to stay.
  for (int look = 0; look < 2; ++look) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(directory, failed)) {
      SegmentFile segment;
      if (!read_name(entry.path().filename().string(), segment)) continue;
      segment.path = (fs::path(directory) / segment.path).string();
      const bool plain = segment.plain;
      const auto key = std::make_pair(segment.chain, segment.number);
      const auto known = found.try_emplace(key, std::move(segment)).first;
      known->second.plain = known->second.plain || plain;
    }
  }
  std::vector<SegmentFile> segments;
  for (auto& [key, segment] : found)
    segments.push_back(std::move(segment));
  return segments;
}

std::string segment_path(const std::string& directory, const std::string& chain, std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, digits.size() < 6 ? 6 - digits.size() : 0, '0');
  return directory + "/" + std::string(segment_prefix) + chain + "-" + digits + std::string(segment_suffix);
}

}  // namespace dbgate::audit
