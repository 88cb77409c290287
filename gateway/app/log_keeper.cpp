#include "gateway/app/log_keeper.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <set>

#include "gateway/adapters/posix_file.h"
#include "gateway/adapters/segment_archive.h"
#include "gateway/adapters/segment_seal.h"
#include "gateway/app/audit_sinks.h"
#include "gateway/app/notary.h"
#include "gateway/audit/verify.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

constexpr std::size_t stack_bytes = 1u << 20;
// Not "when idle": a machine that is always busy must not run out of disk for that.
constexpr int nice_of_keeper = 10;
constexpr std::chrono::seconds retry_after{60};
constexpr std::chrono::seconds tell_each{3'600};
constexpr std::int64_t hour_us = 3'600'000'000;

// CLOCK_BOOTTIME goes on while the machine is suspended, and nobody sets it.
std::int64_t running_us() {
  ::timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

std::int64_t days_us() {
  ::timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

Result<audit::Recipients> load_recipients(const std::string& path) {
  DBGATE_TRY(const auto pem, adapters::read_small_file(path));
  auto recipients = audit::Recipients::read(pem.value_or(std::string()));
  if (recipients) return recipients;
  const Error why = recipients.error();
  return Error(why.code(), "audit.encryption.certificate_file: " + path + " " + why.message(), why.hint());
}

void tell(const audit::Recipients& recipients) {
  std::string names;
  for (const std::string& name : recipients.names())
    names += (names.empty() ? "" : "; ") + name;
  log::info("audit", "segments of the audit log will be sealed", {{"recipients", names}});
}

}  // namespace

LogKeeper::LogKeeper(const config::Config& config, telemetry::LogCounters& counters)
    : directory_(config.state_dir + "/audit"),
      compress_(config.audit.compress),
      seal_(!config.audit.encryption_certificate_file.empty()),
      interval_(config.audit.checkpoint_interval),
      counters_(counters),
      blobs_(directory_),
      clock_offset_us_(days_us() - running_us()) {}

LogKeeper::~LogKeeper() {
  stop();
}

Result<std::unique_ptr<LogKeeper>> LogKeeper::open(const config::Config& config, ports::AuditLog& log,
                                                   const AuditSinks* sinks, telemetry::LogCounters& counters) {
  std::unique_ptr<LogKeeper> made(new LogKeeper(config, counters));
  if (!config.audit.has_retention() && !made->seal_) return made;
  DBGATE_TRY(proof::Key key, load_signing_key(config));
  DBGATE_TRY(made->chain_, log.open_chain(std::string(audit::retention_chain), ports::Pace::rare));
  adapters::RetentionTies ties;
  ties.record = [chain = made->chain_.get()](const std::string& fields) -> Result<> {
    DBGATE_CHECK(chain->append(audit::retention_event, fields));
    return chain->write_out();
  };
  ties.awaited = [sinks](const std::string& chain) -> std::optional<std::uint64_t> {
    if (sinks == nullptr) return {};
    const auto delivered = sinks->delivered();
    const auto found = delivered.find(chain);
    return found == delivered.end() ? 0 : found->second.place.segment;
  };
  if (made->seal_) {
    DBGATE_TRY(audit::Recipients recipients, load_recipients(config.audit.encryption_certificate_file));
    tell(recipients);
    ties.seal = [directory = made->directory_, recipients](const std::string& chain, std::uint64_t number,
                                                           const std::atomic<bool>& stop) {
      return adapters::seal_segment(directory, chain, number, recipients, stop);
    };
  }
  const std::int64_t after_us =
      std::max<std::int64_t>(1, std::chrono::microseconds(config.audit.encryption_after).count());
  const std::int64_t max_age_us =
      made->seal_ ? after_us : std::chrono::microseconds(config.audit.retention_max_age).count();
  made->retention_.emplace(adapters::RetentionOptions{made->directory_, max_age_us, config.audit.retention_max_bytes},
                           std::move(key), std::move(ties));
  return made;
}

Result<> LogKeeper::check(const config::Config& config) {
  const std::string& file = config.audit.encryption_certificate_file;
  if (!file.empty()) DBGATE_CHECK(load_recipients(file));
  return boost::system::in_place_value;
}

void LogKeeper::start() {
  thread_ = std::make_unique<Thread>(stack_bytes, [this] { run(); });
}

void LogKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  thread_.reset();
}

void LogKeeper::run() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice_of_keeper);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    look();
    lock.lock();
    woken_.wait_for(lock, interval_, [this] { return stopping_.load(); });
  }
}

void LogKeeper::look() {
  if (std::chrono::steady_clock::now() >= retry_at_) {
    if (retention_) remove();  // first: nothing is compressed that is to go
    if (compress_) compress();
  }
  std::uint64_t bytes = 0;
  for (const audit::SegmentFile& segment : audit::list_segments(directory_))
    bytes += adapters::stored_bytes(segment.path);
  counters_.bytes.set(bytes);
}

void LogKeeper::failed(const char* what, const Error& why) {
  counters_.failures.add();
  const auto now = std::chrono::steady_clock::now();
  retry_at_ = now + retry_after;
  if (told_at_ != std::chrono::steady_clock::time_point() && now - told_at_ < tell_each) return;
  told_at_ = now;
  log::error("audit", what, {{"err", why.message()}, {"hint", why.hint()}});
}

// All but the last of each chain are closed.
void LogKeeper::compress() {
  std::vector<audit::SegmentFile> segments = audit::list_segments(directory_);
  for (std::size_t i = 0; i + 1 < segments.size() && !stopping_; ++i) {
    if (!segments[i].plain || segments[i + 1].chain != segments[i].chain) continue;
    const auto packed = adapters::compress_segment(segments[i].path, stopping_);
    if (!packed) return failed("a segment of the audit log is not compressed", packed.error());
    if (*packed > 0) counters_.compressed.add();
  }
}

void LogKeeper::remove() {
  const auto done = retention_->run(trusted_now(), stopping_);
  if (!done)
    return failed(seal_ ? "the audit log is not sealed" : "the audit log is not cut to what is to be kept",
                  done.error());
  if (done->segments > 0) {
    counters_.removed.add(done->segments);
    counters_.removed_records.add(done->records);
    log::info("audit",
              seal_ ? "segments of the audit log were sealed" : "segments of the audit log were removed, as configured",
              {{"segments", std::to_string(done->segments)}, {"records", std::to_string(done->records)}});
  }
  const auto swept = blobs_.sweep(stopping_);
  if (!swept) failed("texts that no record names any more are not removed", swept.error());
}

// Whoever sets the clock to next year would have the log of today removed.
std::int64_t LogKeeper::trusted_now() {
  const std::int64_t drift_us = days_us() - running_us() - clock_offset_us_;
  const bool set = drift_us > hour_us || drift_us < -hour_us;
  if (set && !std::exchange(clock_told_, true))
    log::error("audit", "the clock was set by more than an hour: no record is removed for its age",
               {{"hint", "restart the gateway once the clock is right"}});
  if (set) return 0;
  clock_told_ = false;
  return days_us();
}

}  // namespace dbgate::app
