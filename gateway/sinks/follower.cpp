#include "gateway/sinks/follower.h"

#include <algorithm>

#include "gateway/audit/verify.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/search/record.h"
#include "gateway/sinks/backlog.h"

namespace dbgate::sinks {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds poll{100};
constexpr milliseconds discover_each{1'000};
constexpr milliseconds keep_each{1'000};
constexpr milliseconds tell_each{60'000};
constexpr milliseconds tell_change_each{5'000};
constexpr milliseconds first_pause{250};
constexpr milliseconds longest_pause{30'000};
constexpr milliseconds longest_asked{5 * 60'000};

std::int64_t time_of(std::string_view line) {
  search::Record record;
  return search::read_record(line, record) ? record.time_us() : 0;
}

// The numbers of the segments that are there: the first and the last.
std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> segments_of(const std::string& directory) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> found;
  for (const audit::SegmentFile& segment : audit::list_segments(directory)) {
    auto& [first, last] = found.try_emplace(segment.chain, segment.number, segment.number).first->second;
    first = std::min(first, segment.number);
    last = std::max(last, segment.number);
  }
  return found;
}

}  // namespace

Follower::Follower(const config::AuditSink& settings, std::string directory, ports::AuditSink& sink,
                   PositionPlace place, std::function<Result<>(const Gap&)> note_gap, telemetry::SinkCounters& counters)
    : settings_(settings),
      directory_(std::move(directory)),
      sink_(sink),
      place_(std::move(place)),
      note_gap_(std::move(note_gap)),
      counters_(counters) {}

Result<> Follower::open() {
  DBGATE_TRY(const auto text, place_.read());
  Positions kept;
  if (text) {
    DBGATE_TRY(kept, read_positions(*text));
  } else if (settings_.from_now) {
    Backlog log(directory_);
    log.look();
    kept = log.ends();
    DBGATE_CHECK(place_.replace(text_of(kept)));
  }
  const std::lock_guard lock(mutex_);
  positions_ = kept_ = std::move(kept);
  return boost::system::in_place_value;
}

Positions Follower::positions() const {
  const std::lock_guard lock(mutex_);
  return positions_;
}

Positions Follower::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

// On this thread, which alone changes them.
Position Follower::position(const std::string& chain) const {
  const auto found = positions_.find(chain);
  return found == positions_.end() ? Position() : found->second;
}

void Follower::skip(const Allowed& allowed) {
  const std::lock_guard lock(mutex_);
  allowed_ = allowed;
  skipping_ = true;
}

// Finds chains that are new, and those whose next segment somebody has taken away.
void Follower::discover() {
  if (Clock::now() - discovered_at_ < discover_each && !readers_.empty()) return;
  discovered_at_ = Clock::now();
  for (const auto& [chain, numbers] : segments_of(directory_)) {
    const auto& [first, last] = numbers;
    const auto reader = readers_.find(chain);
    proof::Place from = reader != readers_.end() ? reader->second->place() : position(chain).place;
    if (from.segment > last) {
      log::warn("audit", "a sink was further than the log is: it gets the chain again",
                {{"sink", settings_.name}, {"chain", chain}});
      from = {first, 0};
    } else if (from.segment < first) {
      // An open file is read to its end although its name is gone.
      if (reader != readers_.end() && !caught_up_) continue;
      if (from != proof::Place()) note_removed(chain, first);
      from = {first, 0};
    } else if (reader != readers_.end()) {
      continue;
    }
    readers_[chain] = std::make_unique<proof::Entries>(directory_, chain, from);
  }
}

void Follower::note_removed(const std::string& chain, std::uint64_t first) {
  Gap gap;
  gap.chain = chain;
  gap.first = position(chain).sequence + 1;
  gap.reason = "segments were removed before they were delivered";
  proof::Entries next(directory_, chain, {first, 0});
  const auto entry = next.next();
  if (entry && *entry) gap.last = (*entry)->sequence() - 1;
  if (gap.last >= gap.first) gap.records = gap.last - gap.first + 1;
  if (gap.last != 0 && gap.records == 0) return;  // all of them had been delivered
  counters_.dropped.add(gap.records);
  log::error("audit", "segments of the log were removed before a sink got them",
             {{"sink", settings_.name}, {"chain", chain}});
  static_cast<void>(note_gap_(gap));  // they are gone, whether the log can say so or not
}

// A chain that cannot be read does not keep others from being delivered.
void Follower::fill() {
  discover();
  caught_up_ = true;
  unread_.clear();
  // Another chain each time: none waits for long behind one that is always full.
  auto at =
      readers_.empty() ? readers_.end() : std::next(readers_.begin(), static_cast<long>(random_() % readers_.size()));
  for (std::size_t i = 0; i < readers_.size(); ++i, ++at) {
    if (at == readers_.end()) at = readers_.begin();
    const auto& [chain, reader] = *at;
    while (true) {
      if (batch_.size() >= settings_.batch_records || batch_.bytes() >= settings_.batch_bytes) {
        caught_up_ = false;
        return;
      }
      const auto entry = reader->next();
      if (!entry) {
        const Error why = entry.error();
        unread_ = why.message();
        caught_up_ = false;
        break;
      }
      if (!*entry) break;
      batch_.add({chain, (*entry)->sequence(), reader->place(), std::string((*entry)->line)});
    }
  }
}

void Follower::note_oldest() {
  std::int64_t oldest = 0;
  // The first of each chain is its oldest; the first of all is near enough.
  if (!batch_.empty()) oldest = time_of(batch_.front().line);
  oldest_us_ = oldest;
}

void Follower::advance(std::size_t records) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < records; ++i) {
    const Batch::Item& item = batch_.front();
    positions_[item.chain] = {item.behind, item.sequence};
    batch_.drop_front();
  }
}

milliseconds Follower::step(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const Allowed allowed = allowed_;
  const bool skipping = std::exchange(skipping_, false);
  lock.unlock();
  if (skipping) skip_now(allowed);
  if (batch_.empty()) {
    fill();
    note_oldest();
  }
  if (batch_.empty()) {
    if (!unread_.empty()) return failed({0, unread_});
    keep_if_due(stop);
    return std::max(poll, pause_);
  }
  const milliseconds pause = send(stop);
  keep_if_due(stop);
  note_oldest();
  return pause;
}

milliseconds Follower::send(const std::stop_token& stop) {
  const auto begun = Clock::now();
  const std::vector<ports::SinkRecord> records = batch_.records();
  const ports::Delivery delivery = sink_.send(records, stop);
  const std::size_t delivered = std::min(delivery.delivered, batch_.size());
  advance(delivered);
  counters_.delivered.add(delivered);
  if (delivered > 0) {
    counters_.sends.observe(Clock::now() - begun);
    counters_.last_success_s.set(static_cast<std::uint64_t>(wall_clock_us() / 1'000'000));
  }
  if (delivery.why.empty()) {
    succeeded();
    return milliseconds(0);
  }
  if (stop.stop_requested()) return milliseconds(0);
  if (delivered > 0) pause_ = milliseconds(0);
  const bool left_out = delivery.rejected && !batch_.empty() && settings_.on_lag == config::OnLag::gap &&
                        leave_out_rejected(delivery.why);
  // A receiver that takes others is all right. One that takes nothing must not empty the log one by one.
  if (left_out && delivered > 0) return milliseconds(0);
  return failed(delivery);
}

void Follower::succeeded() {
  pause_ = milliseconds(0);
  if (counters_.failing.value() == 0) return;
  counters_.failing.set(0);
  if (std::exchange(told_, false)) log::info("audit", "a sink takes records again", {{"sink", settings_.name}});
}

// @return how long to wait: later and later, and not all gateways at once
milliseconds Follower::failed(const ports::Delivery& delivery) {
  counters_.failures.add();
  const bool changed = counters_.failing.value() == 0;
  counters_.failing.set(1);
  if (Clock::now() - told_at_ >= (changed ? tell_change_each : tell_each)) {
    told_at_ = Clock::now();
    told_ = true;
    log::warn("audit", delivery.rejected ? "a sink refuses a record" : "a sink does not take records",
              {{"sink", settings_.name},
               {"err", delivery.why},
               {"chain", batch_.empty() ? std::string_view() : std::string_view(batch_.front().chain)},
               {"seq", batch_.empty() ? std::string() : std::to_string(batch_.front().sequence)}});
  }
  pause_ = pause_.count() == 0 ? first_pause : std::min(pause_ * 2, longest_pause);
  const auto asked = std::min(delivery.retry_after, longest_asked);
  return std::max(pause_ / 2 + milliseconds(random_() % static_cast<unsigned>(pause_.count() / 2 + 1)), asked);
}

bool Follower::leave_out_rejected(const std::string& why) {
  const Batch::Item& item = batch_.front();
  // Of a record about such a gap there is none: it would be rejected as well.
  if (item.chain != gap_chain) {
    const auto noted = note_gap_({item.chain, item.sequence, item.sequence, 1, "the receiver rejects it: " + why});
    if (!noted) return false;
  }
  counters_.dropped.add();
  log::error("audit", "a sink rejects a record, which is left out",
             {{"sink", settings_.name}, {"chain", item.chain}, {"seq", std::to_string(item.sequence)}, {"err", why}});
  advance(1);
  return true;
}

void Follower::skip_now(const Allowed& allowed) {
  batch_.clear();
  readers_.clear();
  discovered_at_ = {};
  discover();
  Backlog log(directory_);
  log.look();
  const std::uint64_t total = log.behind(positions()).bytes;
  // Of each chain the same share.
  const bool bounded = allowed.bytes > 0 && total > allowed.bytes;
  const double share = bounded ? 1 - static_cast<double>(allowed.bytes) / static_cast<double>(total) : 0;
  for (auto& [chain, reader] : readers_) {
    const auto here = static_cast<double>(log.behind_in(chain, position(chain)).bytes);
    skip_in(chain, reader, static_cast<std::uint64_t>(here * share), allowed.since_us);
  }
}

// Leaves out so many bytes of a chain at least, and what is older.
void Follower::skip_in(const std::string& chain, std::unique_ptr<proof::Entries>& reader, std::uint64_t least,
                       std::int64_t since_us) {
  const proof::Place start = reader->place();
  Position to;
  Gap gap{chain, 0, 0, 0, "the sink was too far behind"};
  for (std::uint64_t bytes = 0;;) {
    const proof::Place before = reader->place();
    const auto entry = reader->next();
    const bool some = entry && *entry;
    if (!some || (bytes >= least && (since_us == 0 || time_of((*entry)->line) >= since_us))) {
      reader = std::make_unique<proof::Entries>(directory_, chain, before);
      break;
    }
    bytes += (*entry)->line.size() + 1;
    to = {reader->place(), (*entry)->sequence()};
    if (gap.records++ == 0) gap.first = to.sequence;
    gap.last = to.sequence;
  }
  if (gap.records == 0) return;
  if (!note_gap_(gap)) {
    reader = std::make_unique<proof::Entries>(directory_, chain, start);
    return;
  }
  counters_.dropped.add(gap.records);
  log::error("audit", "a sink was too far behind: records were left out",
             {{"sink", settings_.name}, {"chain", chain}, {"records", std::to_string(gap.records)}});
  const std::lock_guard lock(mutex_);
  positions_[chain] = to;
}

void Follower::keep_if_due(const std::stop_token& stop) {
  if (Clock::now() - kept_at_ < keep_each) return;
  const auto kept = keep(stop);
  if (kept && batch_.empty() && unread_.empty()) succeeded();
  if (kept) return;
  const Error why = kept.error();
  if (!stop.stop_requested()) pause_ = failed({0, why.message()});
}

Result<> Follower::keep(const std::stop_token& stop) {
  kept_at_ = Clock::now();
  DBGATE_CHECK(sink_.settle(stop));
  const Positions now = positions();
  if (now == kept_) return boost::system::in_place_value;
  DBGATE_CHECK(place_.replace(text_of(now)));
  const std::lock_guard lock(mutex_);
  kept_ = now;
  return boost::system::in_place_value;
}

}  // namespace dbgate::sinks
