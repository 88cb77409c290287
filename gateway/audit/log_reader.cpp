#include "gateway/audit/log_reader.h"

#include <algorithm>
#include <fstream>

#include "gateway/audit/chain.h"
#include "gateway/audit/tail.h"
#include "gateway/audit/verify.h"

namespace dbgate::audit {

void LogReader::more(const std::function<void(const std::string& line)>& take) {
  const std::vector<Tail> tails = read_tails(directory_);  // before segments: see Tail
  for (const SegmentFile& segment : list_segments(directory_))
    read_segment(segment.path, chains_[segment.chain], take);
  for (const Tail& tail : tails) {
    Chain& chain = chains_[tail.chain];
    for (const std::string& line : tail.lines) {
      const SealedLine sealed = read_sealed(line);
      if (!sealed.valid || sealed.sequence <= std::max(chain.in_segments, chain.in_tail)) continue;
      chain.in_tail = sealed.sequence;
      take(line);
    }
  }
}

void LogReader::read_segment(const std::string& path, Chain& chain,
                             const std::function<void(const std::string& line)>& take) {
  std::ifstream file(path, std::ios::binary);
  std::streamoff& at = read_[path];
  file.seekg(at);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    at += static_cast<std::streamoff>(line.size()) + 1;
    const SealedLine sealed = read_sealed(line);
    const bool given = sealed.valid && sealed.sequence > chain.in_segments && sealed.sequence <= chain.in_tail;
    if (sealed.valid) chain.in_segments = std::max(chain.in_segments, sealed.sequence);
    if (!given) take(line);
  }
}

}  // namespace dbgate::audit
