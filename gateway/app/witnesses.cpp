#include "gateway/app/witnesses.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <set>

#include "gateway/adapters/curl_http.h"
#include "gateway/adapters/file_witness.h"
#include "gateway/adapters/http_witness.h"
#include "gateway/adapters/posix_file.h"
#include "gateway/app/notary.h"
#include "gateway/app/peer_witness.h"
#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/thread.h"

namespace dbgate::app {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Outcome = ports::Witnessing::Outcome;

constexpr std::size_t stack_bytes = 1u << 20;
constexpr int nice_of_witnesses = 10;
constexpr milliseconds first_pause{250};
constexpr milliseconds longest_pause{30'000};
constexpr std::chrono::seconds farewell{5};
constexpr std::string_view prefix = "audit-", suffix = ".checkpoint";
constexpr const char* own_chain = "witnesses";

// What is signed by now, by chain.
std::map<std::string, std::string> checkpoints_in(const std::string& directory) {
  std::map<std::string, std::string> found;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(directory, gone)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    const auto text = adapters::read_small_file(entry.path().string());
    if (!text || !*text) continue;
    const auto note = proof::read_note(**text);
    if (!note || note->checkpoint.size == 0) continue;  // there is nothing to be witness of
    found[name.substr(prefix.size(), name.size() - prefix.size() - suffix.size())] = **text;
  }
  return found;
}

/// Whether it can be what the configuration says: a cosigner's key if one is named.
Result<std::optional<proof::Cosigner>> key_of(const config::AuditWitness& settings, const config::Config& config) {
  const std::string name = "audit witness " + settings.name + ": ";
  if (settings.type == config::WitnessType::gateway && !config.store.shared())
    return Error(sqlstate::invalid_parameter_value, name + "other gateways are found in a store that they share",
                 "set store.url, or choose another type");
  if (settings.key.empty()) return std::optional<proof::Cosigner>();
  auto key = proof::Cosigner::read(settings.key);
  if (!key) return Error(key.error().code(), name + "its key " + key.error().message());
  return std::optional(std::move(*key));
}

Result<std::unique_ptr<ports::CheckpointWitness>> make_witness(const config::AuditWitness& settings,
                                                               const config::Config& config, Replicas* replicas) {
  DBGATE_TRY(auto key, key_of(settings, config));
  const std::string directory = config.state_dir + "/audit";
  if (settings.type == config::WitnessType::gateway) {
    DBGATE_TRY(const proof::Key signer, load_signing_key(config));
    return make_peer_witness(*replicas, directory, signer.public_pem());
  }
  if (settings.type == config::WitnessType::file) return adapters::make_file_witness(settings.path, directory);
  adapters::HttpWitnessOptions options{settings.url, settings.plain, settings.token, settings.ca_file, std::move(key)};
  adapters::CurlLimits limits;
  limits.whole = settings.timeout;
  limits.connect = std::min(limits.connect, settings.timeout);
  return adapters::make_http_witness(std::move(options), directory, adapters::make_curl_http(limits));
}

}  // namespace

/// One witness, and its thread.
class Witnesses::Line {
 public:
  using Conflict = std::function<void(const std::string& chain, const std::string& why)>;

  Line(const config::AuditWitness& settings, std::string directory, std::unique_ptr<ports::CheckpointWitness> witness,
       Conflict note_conflict)
      : settings_(settings),
        directory_(std::move(directory)),
        witness_(std::move(witness)),
        note_conflict_(std::move(note_conflict)) {}

  void start(std::stop_token stop) {
    thread_ = std::make_unique<Thread>(stack_bytes, [this, stop] { run(stop); });
  }
  /// It ends when it has given everything, or when that does not work.
  void finish() {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    woken_.notify_all();
  }
  void wait_until(Clock::time_point limit) {
    std::unique_lock lock(mutex_);
    woken_.wait_until(lock, limit, [this] { return ended_; });
  }
  void join() { thread_.reset(); }
  telemetry::WitnessView view() const { return {settings_.name, &counters_}; }

 private:
  void run(const std::stop_token& stop) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice_of_witnesses);
    for (bool last = false; !last && !stop.stop_requested();) {
      {
        const std::lock_guard lock(mutex_);
        last = finishing_;
      }
      const bool all = give_all(stop);
      pause_ = all ? milliseconds(0) : std::clamp(pause_ * 2, first_pause, longest_pause);
      std::unique_lock lock(mutex_);
      const milliseconds pause = all ? settings_.interval : std::min(pause_, std::max(settings_.interval, first_pause));
      if (!last) woken_.wait_for(lock, stop, pause, [this] { return finishing_; });
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    woken_.notify_all();
  }

  bool give_all(const std::stop_token& stop) {
    std::string why;
    for (const auto& [chain, text] : checkpoints_in(directory_)) {
      if (stop.stop_requested()) return false;
      std::string& given = given_[chain];
      if (given == text) continue;
      const ports::Witnessing answer = witness_->give(chain, text, stop);
      if (answer.outcome == Outcome::taken) {
        counters_.delivered.add();
        given = text;
        keep(chain, answer.cosigned);
      } else if (answer.outcome == Outcome::conflict) {
        conflict(chain, answer.why);
      } else {
        why = answer.why;
        break;  // the others would not fare better
      }
    }
    note(why);
    return why.empty();
  }

  void note(const std::string& why) {
    const bool fails = !why.empty();
    if (fails) counters_.failures.add();
    if (!fails) counters_.last_success_s.set(static_cast<std::uint64_t>(wall_clock_us() / 1'000'000));
    if (fails != (counters_.failing.value() != 0))
      log::write(fails ? log::Level::warn : log::Level::info, "audit",
                 fails ? "a witness does not take checkpoints" : "a witness takes checkpoints again",
                 {{"witness", settings_.name}, {"err", why}});
    counters_.failing.set(fails ? 1 : 0);
  }

  // Once for each chain: it does not go away by itself.
  void conflict(const std::string& chain, const std::string& why) {
    if (!conflicts_.insert(chain).second) return;
    counters_.conflicts.add();
    log::error("audit", "a witness has checkpoints that the audit log does not lead to",
               {{"witness", settings_.name},
                {"chain", chain},
                {"err", why},
                {"hint", "keep a copy, and hold `dbgate audit verify` against what the witness has"}});
    note_conflict_(chain, why);
  }

  void keep(const std::string& chain, const std::string& cosigned) {
    if (cosigned.empty()) return;
    const std::string path = directory_ + "/witness-" + settings_.name + "." + chain + ".cosigned";
    if (const auto kept = adapters::replace_file(path, cosigned); !kept)
      log::warn("audit", "a cosignature cannot be kept",
                {{"witness", settings_.name}, {"err", kept.error().message()}});
  }

  const config::AuditWitness settings_;
  const std::string directory_;
  const std::unique_ptr<ports::CheckpointWitness> witness_;
  const Conflict note_conflict_;
  telemetry::WitnessCounters counters_;
  std::map<std::string, std::string> given_;  // the last checkpoint that it took, by chain
  std::set<std::string> conflicts_;           // chains
  milliseconds pause_{0};
  std::mutex mutex_;
  std::condition_variable_any woken_;
  bool finishing_ = false;  // under the mutex, like the next
  bool ended_ = false;
  std::unique_ptr<Thread> thread_;
};

Witnesses::Witnesses(std::unique_ptr<ports::AuditChain> chain) : chain_(std::move(chain)) {}

Witnesses::~Witnesses() {
  stop_.request_stop();
}

Result<std::unique_ptr<Witnesses>> Witnesses::open(const config::Config& config, ports::AuditLog& log,
                                                   Replicas* replicas) {
  DBGATE_TRY(auto chain, log.open_chain(own_chain, ports::Pace::rare));
  std::unique_ptr<Witnesses> made(new Witnesses(std::move(chain)));
  const std::string directory = config.state_dir + "/audit";
  for (const config::AuditWitness& settings : config.audit.witnesses) {
    DBGATE_TRY(auto witness, make_witness(settings, config, replicas));
    made->lines_.push_back(
        std::make_unique<Line>(settings, directory, std::move(witness),
                               [at = made.get(), name = settings.name](const std::string& of, const std::string& why) {
                                 at->note_conflict(name, of, why);
                               }));
  }
  return made;
}

Result<> Witnesses::check(const config::Config& config) {
  for (const config::AuditWitness& settings : config.audit.witnesses)
    DBGATE_CHECK(key_of(settings, config));
  return boost::system::in_place_value;
}

void Witnesses::note_conflict(const std::string& witness, const std::string& chain, const std::string& why) {
  std::string fields;
  audit::append_field(fields, "reason", std::string_view(why));
  audit::append_field(fields, "witness", std::string_view(witness));
  audit::append_field(fields, "witness.chain", std::string_view(chain));
  const std::lock_guard lock(chain_mutex_);
  if (chain_->append("audit.conflict", fields)) static_cast<void>(chain_->write_out());
}

void Witnesses::start() {
  for (const auto& line : lines_)
    line->start(stop_.get_token());
}

void Witnesses::finish() {
  for (const auto& line : lines_)
    line->finish();
  const auto limit = Clock::now() + farewell;
  for (const auto& line : lines_)
    line->wait_until(limit);
  stop_.request_stop();
  for (const auto& line : lines_)
    line->join();
}

std::vector<telemetry::WitnessView> Witnesses::counters() const {
  std::vector<telemetry::WitnessView> all;
  for (const auto& line : lines_)
    all.push_back(line->view());
  return all;
}

}  // namespace dbgate::app
