#include "gateway/sinks/backlog.h"

#include "gateway/audit/chain.h"
#include "gateway/search/log_view.h"

namespace dbgate::sinks {

void Backlog::look() {
  const search::LogView log(directory_, false, &sizes_);
  std::map<std::string, Chain, std::less<>> now;
  std::map<std::string, const search::SegmentState*> last;
  for (const auto& [key, segment] : log.segments()) {
    now[key.first].bytes[key.second] = segment.bytes;
    if (segment.bytes > 0) last[key.first] = &segment;
  }
  for (auto& [name, chain] : now) {
    const auto before = chains_.find(name);
    if (before != chains_.end()) chain.last_sequence = before->second.last_sequence;
    if (last.count(name) == 0 || (before != chains_.end() && before->second.bytes == chain.bytes)) continue;
    const auto line = audit::last_line(last[name]->path, 0, last[name]->bytes);
    if (!line) continue;
    const audit::SealedLine sealed = audit::read_sealed(line->line);
    if (sealed.valid) chain.last_sequence = sealed.sequence;
  }
  chains_ = std::move(now);
}

Behind Backlog::behind_in(const std::string& name, const Position& at) const {
  Behind behind;
  const auto found = chains_.find(name);
  if (found == chains_.end()) return behind;
  const Chain& chain = found->second;
  for (const auto& [number, bytes] : chain.bytes) {
    const std::uint64_t done = number == at.place.segment ? at.place.offset : 0;
    if (number >= at.place.segment && bytes > done) behind.bytes += bytes - done;
  }
  if (chain.last_sequence > at.sequence) behind.records = chain.last_sequence - at.sequence;
  return behind;
}

Behind Backlog::behind(const Positions& positions) const {
  Behind all;
  for (const auto& [name, chain] : chains_) {
    const auto found = positions.find(name);
    const Behind here = behind_in(name, found == positions.end() ? Position() : found->second);
    all.bytes += here.bytes;
    all.records += here.records;
  }
  return all;
}

Positions Backlog::ends() const {
  Positions ends;
  for (const auto& [name, chain] : chains_) {
    const auto& [number, bytes] = *chain.bytes.rbegin();
    ends[name] = {{number, bytes}, chain.last_sequence};
  }
  return ends;
}

}  // namespace dbgate::sinks
