#include "gateway/proof/entries.h"

#include "gateway/audit/chain.h"

namespace dbgate::proof {
namespace {

constexpr std::size_t read_bytes = 64u << 10;

}  // namespace

std::uint64_t Entry::sequence() const {
  return audit::read_sealed(line).sequence;
}

Entries::Entries(std::string directory, std::string chain, Place from)
    : directory_(std::move(directory)), chain_(std::move(chain)), place_(from) {}

std::string Entries::path(std::uint64_t segment) const {
  return audit::segment_path(directory_, chain_, segment);
}

// false: there is none.
Result<bool> Entries::open() {
  if (segment_) return true;
  auto segment = audit::Segment::open(path(place_.segment));
  if (!segment && !audit::segment_exists(path(place_.segment))) return false;
  if (!segment) return segment.error();
  segment_ = std::move(*segment);
  return true;
}

// Whether there was more.
Result<bool> Entries::read_more() {
  buffer_.erase(0, used_);
  used_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + read_bytes);
  const auto got = segment_->read(place_.offset + kept, buffer_.data() + kept, read_bytes);
  buffer_.resize(kept + (got ? *got : 0));
  if (!got) return got.error();
  return *got > 0;
}

// Goes on with the segment behind this one. @return false: there is none, so this one may still grow
Result<bool> Entries::turn() {
  if (!audit::segment_exists(path(place_.segment + 1))) return false;
  // What was written before the next one was begun.
  DBGATE_TRY(const bool more, read_more());
  if (more) return true;
  if (!buffer_.empty())
    return Error{sqlstate::data_corrupted,
                 "segment " + std::to_string(place_.segment) + " of audit chain " + chain_ + " ends within a record"};
  segment_.reset();
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
  DBGATE_TRY(const bool opened, open());
  if (!opened) return std::optional<Entry>();
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
