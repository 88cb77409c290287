#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "gateway/base/thread.h"
#include "gateway/ports/audit_search.h"
#include "gateway/search/indexer.h"
#include "gateway/search/log_search.h"

namespace dbgate::app {

/// Searches of this gateway's audit log: a thread that searches, and one that brings the index up to date when nobody
/// else wants the processor.
class LogSearches final : public ports::AuditSearch {
 public:
  /// @param state_dir  with the log in `audit`; the index becomes `audit-index.db`
  explicit LogSearches(const std::string& state_dir);
  ~LogSearches() override;
  LogSearches(const LogSearches&) = delete;
  LogSearches& operator=(const LogSearches&) = delete;

  void start();
  /// Brings the index up to date from now on, or leaves that to another process.
  void start_following();
  void stop_following();
  /// Ends both threads; what waits is dropped. Whoever has asked must not run any more.
  void stop();

  Task<Result<ports::FoundRecords>> records(std::string caller, ports::AuditFilter filter,
                                            ports::AuditPage page) override;
  Task<Result<ports::FoundStatements>> statements(std::string caller, ports::StatementQuery query,
                                                  ports::AuditPage page) override;
  Task<Result<std::optional<ports::Statement>>> statement(std::string caller, std::string id) override;
  Task<Result<std::vector<std::string>>> receipts(std::string caller, std::string id) override;

 private:
  /// A place among the searches under way, for as long as it lives. On the API's thread.
  class Place;

  template <class T>
  Task<Result<T>> run(std::string caller, std::function<Result<T>()> search);
  void follow();

  Result<std::vector<std::string>> make_receipts(const std::string& id);

  std::string directory_;
  std::string file_;
  search::Indexer indexer_;
  search::LogSearch search_;
  std::map<std::string, std::size_t> under_way_;  // by caller; on the API's thread
  std::size_t all_ = 0;
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::atomic<bool> stopping_{false};  ///< of the follower
  boost::asio::io_context context_{1};
  std::unique_ptr<Thread> searcher_;
  std::unique_ptr<Thread> follower_;
};

}  // namespace dbgate::app
