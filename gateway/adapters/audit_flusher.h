#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "gateway/adapters/posix_file.h"

namespace dbgate::adapters {

/// Makes written records durable, for all chains with as few fdatasync calls as possible: while one runs, the tickets
/// that arrive wait for the next. One thread of its own.
class AuditFlusher {
 public:
  AuditFlusher();
  ~AuditFlusher();
  AuditFlusher(const AuditFlusher&) = delete;
  AuditFlusher& operator=(const AuditFlusher&) = delete;

  /// Shares the file: its chain may turn to another segment, or close, before its turn comes. `done` is called from the
  /// flusher's thread, with whether the file is durable.
  void flush(std::shared_ptr<const File> file, std::function<void(bool)> done);

 private:
  struct Request {
    std::shared_ptr<const File> file;
    std::function<void(bool)> done;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Request> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dbgate::adapters
