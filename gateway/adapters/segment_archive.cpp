#include "gateway/adapters/segment_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "gateway/adapters/posix_file.h"
#include "gateway/audit/segment.h"

namespace dbgate::adapters {
namespace {

// As crashes leave it; the next attempt begins anew.
constexpr const char* unfinished = ".zst.new";

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// Whether both have the same bytes, from the first to the last.
Result<bool> same_content(audit::Segment& one, audit::Segment& other, const std::atomic<bool>& stop) {
  std::string left(audit::frame_bytes, '\0');
  std::string right(audit::frame_bytes, '\0');
  for (std::uint64_t at = 0; !stop;) {
    DBGATE_TRY(const std::size_t got, one.read(at, left.data(), left.size()));
    DBGATE_TRY(const std::size_t other_got, other.read(at, right.data(), right.size()));
    if (got != other_got || left.compare(0, got, right, 0, got) != 0) return false;
    if (got == 0) return true;
    at += got;
  }
  return false;
}

// false: stopped.
Result<bool> write_frames(audit::Segment& plain, const std::string& path, const std::atomic<bool>& stop) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return io_error("cannot create " + path);
  audit::FrameWriter writer;
  std::string content(audit::frame_bytes, '\0');
  for (std::uint64_t at = 0;;) {
    if (stop) return false;
    DBGATE_TRY(const std::size_t got, plain.read(at, content.data(), content.size()));
    if (got == 0) break;
    at += got;
    const std::string frame = writer.add(std::string_view(content).substr(0, got));
    if (write_all(file, frame) != frame.size()) return io_error("cannot write " + path);
  }
  const std::string table = writer.seek_table();
  if (write_all(file, table) != table.size()) return io_error("cannot write " + path);
  if (::fsync(file.get()) != 0) return io_error("cannot flush " + path);
  return true;
}

Result<> remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("cannot remove " + path);
  return boost::system::in_place_value;
}

std::uint64_t bytes_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace

Result<std::uint64_t> compress_segment(const std::string& path, const std::atomic<bool>& stop) {
  const std::string packed = path + std::string(audit::compressed_suffix);
  const std::string fresh = path + unfinished;
  DBGATE_TRY(audit::Segment plain, audit::Segment::open(path));
  if (plain.compressed() || plain.size() == 0) return std::uint64_t{0};
  const auto written = write_frames(plain, fresh, stop);
  if (!written || !*written) {
    ::unlink(fresh.c_str());  // a full disk gets its room back
    return written ? Result<std::uint64_t>(std::uint64_t{0}) : written.error();
  }
  // Before it has its name: nobody reads it by that while the plain one is there, but after a crash it may be alone.
  DBGATE_TRY(audit::Segment again, audit::Segment::open_compressed(path, fresh));
  const auto same = same_content(plain, again, stop);
  if (!same || !*same) {
    ::unlink(fresh.c_str());
    if (!same) return same.error();
    if (stop) return std::uint64_t{0};
    return Error{sqlstate::data_corrupted, "what was compressed of " + path + " is not what is read again",
                 "the memory or the disk of this machine may be failing"};
  }
  if (::rename(fresh.c_str(), packed.c_str()) != 0) return io_error("cannot name " + packed);
  if (!flush_directory(directory_of(path))) return io_error("cannot flush the directory of " + packed);
  DBGATE_CHECK(remove(path));
  return bytes_of(packed);
}

Result<> remove_segment(const std::string& path) {
  // The plain one first: were it alone for a while, it would count.
  DBGATE_CHECK(remove(path));
  DBGATE_CHECK(remove(path + std::string(audit::compressed_suffix)));
  DBGATE_CHECK(remove(path + unfinished));
  return remove(path + ".torn");
}

std::uint64_t stored_bytes(const std::string& path) {
  return bytes_of(path) + bytes_of(path + std::string(audit::compressed_suffix));
}

}  // namespace dbgate::adapters
