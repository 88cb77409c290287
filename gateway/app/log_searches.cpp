#include "gateway/app/log_searches.h"

#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <chrono>

#include "gateway/adapters/sqlite_block_index.h"
#include "gateway/base/log.h"
#include "gateway/net/stream.h"
#include "gateway/proof/receipt.h"

namespace dbgate::app {
namespace {

constexpr std::size_t stack_bytes = 1u << 20;
constexpr std::chrono::seconds follow_each{1};
constexpr std::chrono::seconds retry_after{30};
// A search takes up to a tenth of a second of a processor. Whoever wants more of them waits for his own.
constexpr std::size_t most_of_caller = 2;
constexpr std::size_t most_of_all = 16;
constexpr int nice_of_searches = 10;

search::IndexPlace place_of(const std::string& file) {
  return {[file] { return adapters::open_block_index(file, true); }, [file] { adapters::remove_block_index(file); }};
}

}  // namespace

class LogSearches::Place {
 public:
  Place(LogSearches& searches, std::string caller) : searches_(searches), caller_(std::move(caller)) {
    const auto own = searches_.under_way_.find(caller_);
    const bool many = own != searches_.under_way_.end() && own->second >= most_of_caller;
    taken_ = !many && searches_.all_ < most_of_all;
    if (!taken_) return;
    ++searches_.under_way_[caller_];
    ++searches_.all_;
  }
  ~Place() {
    if (!taken_) return;
    --searches_.all_;
    const auto own = searches_.under_way_.find(caller_);
    if (--own->second == 0) searches_.under_way_.erase(own);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool taken() const noexcept { return taken_; }

 private:
  LogSearches& searches_;
  std::string caller_;
  bool taken_ = false;
};

LogSearches::LogSearches(const std::string& state_dir)
    : directory_(state_dir + "/audit"),
      file_(state_dir + "/audit-index.db"),
      indexer_(directory_, place_of(file_)),
      search_(directory_, {[this] { return adapters::open_block_index(file_, false); },
                           [this] { return indexer_.generation(); }, [this] { indexer_.distrust(); }}) {}

LogSearches::~LogSearches() {
  stop();
}

void LogSearches::start() {
  searcher_ = std::make_unique<Thread>(stack_bytes, [this] {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice_of_searches);
    const auto work = boost::asio::make_work_guard(context_);
    context_.run();
  });
}

void LogSearches::start_following() {
  follower_ = std::make_unique<Thread>(stack_bytes, [this] { follow(); });
}

void LogSearches::stop_following() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  follower_.reset();
}

void LogSearches::stop() {
  context_.stop();
  searcher_.reset();
  stop_following();
}

void LogSearches::follow() {
  run_when_idle();
  while (!stopping_) {
    const auto updated = indexer_.update(stopping_);
    if (!updated) {
      const Error why = updated.error();
      log::warn("audit", "the index of the audit log is not up to date", {{"err", why.message()}});
    }
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, updated ? follow_each : retry_after, [this] { return stopping_.load(); });
  }
}

template <class T>
Task<Result<T>> LogSearches::run(std::string caller, std::function<Result<T>()> search) {
  const Place place(*this, std::move(caller));
  if (!place.taken()) {
    co_return Error(sqlstate::too_many_connections, "too many searches are under way", "try again in a few seconds");
  }
  std::optional<Result<T>> found;
  co_await net::run_on(context_.get_executor(), [&found, &search]() -> Task<> {
    found.emplace(search());
    co_return;
  });
  if (!found) co_return Error(sqlstate::connection_failure, "the gateway is stopping");
  co_return std::move(*found);
}

Task<Result<ports::FoundRecords>> LogSearches::records(std::string caller, ports::AuditFilter filter,
                                                       ports::AuditPage page) {
  co_return co_await run<ports::FoundRecords>(std::move(caller), [&] { return search_.records(filter, page); });
}

Task<Result<ports::FoundStatements>> LogSearches::statements(std::string caller, ports::StatementQuery query,
                                                             ports::AuditPage page) {
  co_return co_await run<ports::FoundStatements>(std::move(caller), [&] { return search_.statements(query, page); });
}

Task<Result<std::optional<ports::Statement>>> LogSearches::statement(std::string caller, std::string id) {
  co_return co_await run<std::optional<ports::Statement>>(std::move(caller), [&] { return search_.statement(id); });
}

Result<std::vector<std::string>> LogSearches::make_receipts(const std::string& id) {
  DBGATE_TRY(const std::vector<std::string> lines, search_.records_of(id));
  std::vector<std::string> receipts;
  for (const std::string& line : lines) {
    DBGATE_TRY(const proof::Receipt receipt, proof::make_receipt(directory_, line));
    receipts.push_back(proof::json_of(receipt));
  }
  return receipts;
}

Task<Result<std::vector<std::string>>> LogSearches::receipts(std::string caller, std::string id) {
  co_return co_await run<std::vector<std::string>>(std::move(caller), [&] { return make_receipts(id); });
}

}  // namespace dbgate::app
