#include "gateway/proof/entries.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "gateway/audit/chain.h"
#include "gateway/audit/verify.h"

namespace dbgate::proof {
namespace {

constexpr std::size_t read_bytes = 64u << 10;

bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

}  // namespace

std::uint64_t Entry::sequence() const {
  return audit::read_sealed(line).sequence;
}

Entries::Entries(std::string directory, std::string chain, Place from)
    : directory_(std::move(directory)), chain_(std::move(chain)), place_(from) {}

Entries::~Entries() {
  if (file_ >= 0) ::close(file_);
}

bool Entries::open() {
  if (file_ < 0) file_ = ::open(audit::segment_path(directory_, chain_, place_.segment).c_str(), O_RDONLY | O_CLOEXEC);
  return file_ >= 0;
}

// Whether there was more.
Result<bool> Entries::read_more() {
  buffer_.erase(0, used_);
  used_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + read_bytes);
  const ssize_t n = ::pread(file_, buffer_.data() + kept, read_bytes, static_cast<off_t>(place_.offset + kept));
  buffer_.resize(kept + (n > 0 ? static_cast<std::size_t>(n) : 0));
  if (n < 0)
    return Error{sqlstate::io_error, "cannot read segment " + std::to_string(place_.segment) + " of audit chain " +
                                         chain_ + ": " + std::strerror(errno)};
  return n > 0;
}

// Goes on with the segment behind this one. @return false: there is none, so this one may still grow
Result<bool> Entries::turn() {
  if (!exists(audit::segment_path(directory_, chain_, place_.segment + 1))) return false;
  // What was written before the next one was begun.
  DBGATE_TRY(const bool more, read_more());
  if (more) return true;
  if (!buffer_.empty())
    return Error{sqlstate::data_corrupted,
                 "segment " + std::to_string(place_.segment) + " of audit chain " + chain_ + " ends within a record"};
  ::close(file_);
  file_ = -1;
  place_ = {place_.segment + 1, 0};
  return open();
}

Result<Entry> Entries::entry_of(std::string_view line) const {
  Entry entry;
  entry.hex = audit::read_hashes(line);
  if (!read_hex(entry.hex.hash, entry.hash))
    return Error{sqlstate::data_corrupted, "what stands at byte " + std::to_string(place_.offset) + " of segment " +
                                               std::to_string(place_.segment) + " of audit chain " + chain_ +
                                               " is not an audit record"};
  entry.place = place_;
  entry.line = line;
  return entry;
}

Result<std::optional<Entry>> Entries::next() {
  if (!open()) return std::optional<Entry>();
  for (;;) {
    const std::size_t end = buffer_.find('\n', used_);
    if (end != std::string::npos) {
      DBGATE_TRY(const Entry entry, entry_of(std::string_view(buffer_).substr(used_, end - used_)));
      place_.offset += end + 1 - used_;
      used_ = end + 1;
      return std::optional<Entry>(entry);
    }
    DBGATE_TRY(bool more, read_more());
    if (!more) {
      DBGATE_TRY(more, turn());
    }
    if (!more) return std::optional<Entry>();
  }
}

}  // namespace dbgate::proof
