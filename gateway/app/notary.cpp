#include "gateway/app/notary.h"

#include <sys/resource.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

constexpr std::size_t stack_bytes = 1u << 20;
constexpr int nice_of_notary = 10;

void warn(const Error& why) {
  log::warn("audit", "the audit log could not be signed", {{"err", why.message()}});
}

}  // namespace

Result<proof::Key> load_signing_key(const config::Config& config) {
  const std::string& file = config.audit.signing_key_file;
  return adapters::load_signing_key(file.empty() ? config.state_dir + "/audit-signing-key.pem" : file);
}

Notary::Notary(std::unique_ptr<adapters::FileCheckpoints> checkpoints, std::chrono::milliseconds interval)
    : checkpoints_(std::move(checkpoints)), interval_(interval) {}

Notary::~Notary() {
  stopping_ = true;
  woken_.notify_all();
}

Result<std::unique_ptr<Notary>> Notary::open(const config::Config& config) {
  DBGATE_TRY(proof::Key key, load_signing_key(config));
  DBGATE_TRY(auto checkpoints, adapters::FileCheckpoints::open(config.state_dir + "/audit", std::move(key)));
  return std::unique_ptr<Notary>(new Notary(std::move(checkpoints), config.audit.checkpoint_interval));
}

void Notary::begin() {
  if (const auto begun = checkpoints_->begin(); !begun) warn(begun.error());
}

void Notary::start() {
  thread_ = std::make_unique<Thread>(stack_bytes, [this] { run(); });
}

void Notary::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  woken_.notify_all();
  thread_.reset();
}

void Notary::update() {
  const auto written = checkpoints_->update(stopping_);
  counters_.broken.set(checkpoints_->broken());
  counters_.records.set(checkpoints_->signed_records());
  if (!written) {
    counters_.failures.add();
    return warn(written.error());
  }
  counters_.written.add(*written);
  counters_.last_success_s.set(static_cast<std::uint64_t>(wall_clock_us() / 1'000'000));
}

void Notary::run() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice_of_notary);
  std::unique_lock lock(mutex_);
  for (bool last = false; !last && !stopping_;) {
    last = woken_.wait_for(lock, interval_, [this] { return finishing_ || stopping_.load(); });
    lock.unlock();
    if (!stopping_) update();
    lock.lock();
  }
}

}  // namespace dbgate::app
