#include "gateway/app/catalogs.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "gateway/base/log.h"
#include "gateway/net/reactor.h"

namespace dbgate::app {
namespace {

using std::chrono::milliseconds;

// A server that hangs holds up one of them until its time is over.
constexpr std::size_t loaders = 4;
constexpr std::size_t loader_stack_bytes = 1u << 20;
// DDL comes in swarms: without a statement that waits for it, a load may wait for the rest.
constexpr milliseconds swarm{250};
constexpr milliseconds first_pause{1'000};
constexpr std::chrono::seconds stop_limit{1};
// While no host of a target serves: nobody is told of a failure, those who wait do until there is one.
constexpr milliseconds deserted_pause{50};

// Whether both may lead to one server.
bool share_a_host(const config::Upstream& one, const config::Upstream& other) {
  return std::any_of(one.hosts.begin(), one.hosts.end(), [&other](const config::HostPort& host) {
    return std::find(other.hosts.begin(), other.hosts.end(), host) != other.hosts.end();
  });
}

Error stopping() {
  return {sqlstate::admin_shutdown, "dbgate is stopping"};
}

}  // namespace

/// A coroutine in fresh(). Its timer is touched on its own executor only.
struct Catalogs::Waiting {
  Waiting(const boost::asio::any_io_executor& executor, CatalogTicket wanted) : timer(executor), ticket(wanted) {}

  boost::asio::steady_timer timer;
  const CatalogTicket ticket;
  std::optional<Answer> outcome;
};

/// One database of one target.
struct Catalogs::Entry {
  Key key;
  config::Upstream server;
  config::Catalog settings;
  SharedCatalog snapshot;
  CatalogTicket covered = 0;      // tickets up to this one are seen by the snapshot
  CatalogTicket wanted = 0;       // the last that was drawn
  CatalogTicket load_covers = 0;  // by the load under way
  bool loading = false;
  bool urgent = true;  // somebody waits
  bool gone = false;   // no longer configured
  Clock::time_point as_of{};
  Clock::time_point due{};
  Clock::time_point not_before{};  // after a failure, unless somebody waits
  milliseconds pause{0};
  std::vector<std::weak_ptr<Waiting>> waiting;
};

Catalogs::Catalogs(std::unique_ptr<ports::CatalogSource> source, Narrow narrow)
    : source_(std::move(source)), narrow_(std::move(narrow)) {}

void Catalogs::forget(std::string_view target) {
  const std::lock_guard lock(mutex_);
  for (auto& [key, entry] : entries_) {
    if (key.first != target) continue;
    // Another entry in its place: what is being loaded for this one is nothing any more.
    const auto next = std::make_shared<Entry>();
    next->key = key;
    next->server = entry->server;
    next->settings = entry->settings;
    next->wanted = entry->wanted;
    next->waiting = std::move(entry->waiting);
    entry->gone = true;
    entry = next;
  }
  changed();
  wake_.notify_all();
}

Catalogs::~Catalogs() {
  stop();
}

void Catalogs::configure(const config::Config& config) {
  const std::lock_guard lock(mutex_);
  Entries next;
  for (const config::Target& target : config.targets) {
    if (target.engine != config::EngineKind::postgresql) continue;
    std::vector<std::string> databases = target.databases;
    databases.push_back(target.upstream.database);
    for (const std::string& database : databases) {
      const Key key(target.name, database);
      std::shared_ptr<Entry>& entry = next[key];
      const auto before = entries_.find(key);
      if (before != entries_.end() && before->second->server == target.upstream) entry = before->second;
      if (!entry) entry = std::make_shared<Entry>();
      entry->key = key;
      entry->server = target.upstream;
      entry->settings = target.catalog;
      if (entry->snapshot) entry->due = std::min(entry->due, entry->as_of + target.catalog.refresh);
    }
  }
  for (const auto& [key, entry] : entries_) {
    const auto kept = next.find(key);
    if (kept != next.end() && kept->second == entry) continue;
    entry->gone = true;
    answer(*entry, tickets_, Error(sqlstate::invalid_catalog_name, "the target was configured anew"));
  }
  entries_ = std::move(next);
  changed();
  wake_.notify_all();
}

void Catalogs::start() {
  running_ = loaders;
  for (std::size_t i = 0; i < loaders; ++i) {
    threads_.push_back(std::make_unique<Thread>(loader_stack_bytes, [this] {
      run();
      const std::lock_guard lock(mutex_);
      --running_;
      ended_.notify_all();
    }));
  }
}

bool Catalogs::stop() {
  stop_.request_stop();
  std::unique_lock lock(mutex_);
  wake_.notify_all();
  for (const auto& [key, entry] : entries_)
    answer(*entry, tickets_, stopping());
  const bool all = ended_.wait_for(lock, stop_limit, [this] { return running_ == 0; });
  lock.unlock();
  if (all) threads_.clear();
  return all;
}

std::shared_ptr<Catalogs::Entry> Catalogs::find(std::string_view target, std::string_view database) const {
  const auto found = entries_.find(Key(target, database));
  return found == entries_.end() ? nullptr : found->second;
}

SharedCatalog Catalogs::current(std::string_view target, std::string_view database) const {
  const std::lock_guard lock(mutex_);
  const auto entry = find(target, database);
  return entry ? entry->snapshot : nullptr;
}

CatalogTicket Catalogs::invalidate(std::string_view target, std::string_view database) {
  const std::lock_guard lock(mutex_);
  const CatalogTicket ticket = ++tickets_;
  const auto changes = find(target, database);
  if (!changes) return ticket;
  for (const auto& [key, entry] : entries_) {
    if (entry != changes && !(key.second == database && share_a_host(entry->server, changes->server))) continue;
    entry->wanted = ticket;
    entry->due = std::min(entry->due, std::max(Clock::now() + swarm, entry->not_before));
  }
  changed();
  wake_.notify_one();
  return ticket;
}

CatalogTicket Catalogs::pending(std::string_view target, std::string_view database) const {
  const std::lock_guard lock(mutex_);
  const auto entry = find(target, database);
  return entry && entry->wanted > entry->covered ? entry->wanted : 0;
}

Task<Result<SharedCatalog>> Catalogs::fresh(std::string target, std::string database, CatalogTicket ticket) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto waiting = std::make_shared<Waiting>(executor, ticket);
  {
    const std::lock_guard lock(mutex_);
    const auto entry = find(target, database);
    if (!entry) co_return Error(sqlstate::invalid_catalog_name, "there is no such target or database");
    if (entry->snapshot && entry->covered >= ticket) co_return entry->snapshot;
    if (stop_.stop_requested()) co_return stopping();
    waiting->timer.expires_after(2 * entry->settings.timeout);
    std::erase_if(entry->waiting, [](const std::weak_ptr<Waiting>& one) { return one.expired(); });
    entry->waiting.push_back(waiting);
    // A load under way that covers the ticket is joined; whoever it does not satisfy makes the next one start at once.
    if (!entry->loading || entry->load_covers < ticket) entry->urgent = true;
    wake_.notify_one();
  }
  while (!waiting->outcome && waiting->timer.expiry() > Clock::now()) {
    const auto [ended] = co_await waiting->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (ended && !waiting->outcome) co_return stopping();  // the coroutine itself was cancelled
  }
  if (waiting->outcome) co_return *waiting->outcome;
  co_return Error(sqlstate::query_canceled, "the catalog of the server could not be read in time");
}

// Hands an outcome to those whose tickets it covers, each on its own thread.
void Catalogs::answer(Entry& entry, CatalogTicket covered, const Answer& outcome) {
  std::erase_if(entry.waiting, [&](const std::weak_ptr<Waiting>& one) {
    auto waiting = one.lock();
    if (waiting == nullptr) return true;
    if (waiting->ticket > covered) return false;
    const auto executor = waiting->timer.get_executor();
    net::post_to(executor, [waiting = std::move(waiting), outcome] {
      waiting->outcome = outcome;
      waiting->timer.cancel();
    });
    return true;
  });
}

void Catalogs::run() {
  std::unique_lock lock(mutex_);
  while (!stop_.stop_requested()) {
    const auto now = Clock::now();
    auto wake = now + std::chrono::hours(1);
    const auto entry = next_wanted(now, wake);
    if (entry) {
      load(*entry, lock);
    } else {
      wake_.wait_until(lock, wake);
    }
  }
}

// The one that waits longest, those that somebody waits for before all others.
std::shared_ptr<Catalogs::Entry> Catalogs::next_wanted(Clock::time_point now, Clock::time_point& wake) {
  std::shared_ptr<Entry> next;
  for (const auto& [key, entry] : entries_) {
    drop_if_stale(*entry, now);
    if (entry->snapshot) wake = std::min(wake, entry->as_of + entry->settings.max_stale);
    if (entry->loading) continue;
    if (!entry->urgent && entry->due > now) {
      wake = std::min(wake, entry->due);
      continue;
    }
    if (next && (next->urgent != entry->urgent ? next->urgent : next->due <= entry->due)) continue;
    next = entry;
  }
  return next;
}

void Catalogs::drop_if_stale(Entry& entry, Clock::time_point now) {
  if (!entry.snapshot || entry.as_of + entry.settings.max_stale > now) return;
  entry.snapshot = nullptr;
  changed();
  log::error("catalog", "the catalog is too old to be used",
             {{"target", entry.key.first}, {"database", entry.key.second}});
}

void Catalogs::load(Entry& entry, std::unique_lock<std::mutex>& lock) {
  entry.loading = true;
  entry.urgent = false;
  entry.load_covers = tickets_;
  ports::CatalogRequest request{entry.server, entry.key.second, ++snapshots_, entry.snapshot, entry.settings.timeout};
  const std::string target = entry.key.first;
  lock.unlock();
  if (narrow_ && !narrow_(target, request.server)) {
    lock.lock();
    entry.loading = false;
    entry.due = Clock::now() + deserted_pause;
    return;
  }
  const auto began = Clock::now();
  const auto outcome = source_->load(request, stop_.get_token());
  lock.lock();
  entry.loading = false;
  if (entry.gone) return;
  if (outcome) {
    loaded(entry, *outcome, began);
  } else {
    failed(entry, outcome.error());
  }
}

void Catalogs::loaded(Entry& entry, SharedCatalog snapshot, Clock::time_point began) {
  const auto now = Clock::now();
  const auto took = std::chrono::duration_cast<milliseconds>(now - began);
  log::write(entry.snapshot ? log::Level::debug : log::Level::info, "catalog", "loaded",
             {{"target", entry.key.first},
              {"database", entry.key.second},
              {"relations", std::to_string(snapshot->relations().size())},
              {"bytes", std::to_string(snapshot->memory_bytes())},
              {"ms", std::to_string(took.count())}});
  entry.snapshot = std::move(snapshot);
  entry.covered = entry.load_covers;
  entry.as_of = began;
  entry.pause = milliseconds(0);
  // A server that takes long is not asked all the time.
  entry.due = std::max(began + entry.settings.refresh, now + took);
  if (entry.wanted > entry.covered) entry.due = now + std::max(swarm, took);
  changed();
  answer(entry, entry.covered, entry.snapshot);
  entry.urgent = entry.urgent && !entry.waiting.empty();
}

void Catalogs::failed(Entry& entry, const Error& why) {
  log::warn("catalog", "cannot be loaded",
            {{"target", entry.key.first},
             {"database", entry.key.second},
             {"sqlstate", why.code().text()},
             {"err", why.message()}});
  const Error reason(why.code(), "the catalog of the server could not be read: " + why.message(), why.hint());
  entry.pause = std::clamp(2 * entry.pause, first_pause, std::max(first_pause, entry.settings.refresh));
  entry.due = entry.not_before = Clock::now() + entry.pause;
  answer(entry, entry.load_covers, reason);
  entry.urgent = entry.urgent && !entry.waiting.empty();
}

}  // namespace dbgate::app
