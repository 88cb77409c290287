#include "gateway/audit/log_reader.h"

#include <algorithm>

#include "gateway/audit/chain.h"
#include "gateway/audit/segment.h"
#include "gateway/audit/tail.h"

namespace dbgate::audit {

Result<> LogReader::more(const std::function<void(const std::string& line)>& take) {
  const std::vector<Tail> tails = read_tails(directory_);  // before segments: see Tail
  Result<> first_failure = boost::system::in_place_value;
  for (const SegmentFile& segment : list_segments(directory_)) {
    const auto read = read_segment(segment.path, chains_[segment.chain], take);
    if (!read && first_failure) first_failure = read;
  }
  for (const Tail& tail : tails) {
    Chain& chain = chains_[tail.chain];
    for (const std::string& line : tail.lines) {
      const SealedLine sealed = read_sealed(line);
      if (!sealed.valid || sealed.sequence <= std::max(chain.in_segments, chain.in_tail)) continue;
      chain.in_tail = sealed.sequence;
      take(line);
    }
  }
  return first_failure;
}

Result<> LogReader::read_segment(const std::string& path, Chain& chain,
                                 const std::function<void(const std::string& line)>& take) {
  auto segment = Segment::open(path);
  if (!segment) {
    // It was removed since the directory was listed.
    if (!segment_exists(path)) return boost::system::in_place_value;
    return segment.error();
  }
  std::uint64_t& at = read_[path];
  SegmentLines lines(std::move(*segment), at);
  for (std::string_view whole;;) {
    DBGATE_TRY(const bool more, lines.next(whole));
    if (!more) return boost::system::in_place_value;
    at = lines.offset();
    const std::string line(whole);
    const SealedLine sealed = read_sealed(line);
    const bool given = sealed.valid && sealed.sequence > chain.in_segments && sealed.sequence <= chain.in_tail;
    if (sealed.valid) chain.in_segments = std::max(chain.in_segments, sealed.sequence);
    if (!given) take(line);
  }
}

}  // namespace dbgate::audit
