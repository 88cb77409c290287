#include "gateway/adapters/audit_flusher.h"

#include <vector>

namespace dbgate::adapters {

AuditFlusher::AuditFlusher() : thread_([this] { run(); }) {}

AuditFlusher::~AuditFlusher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void AuditFlusher::flush(std::shared_ptr<const File> file, std::function<void(bool)> done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(file), std::move(done)});
  }
  wake_.notify_one();
}

void AuditFlusher::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::vector<Request> batch(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
    waiting_.clear();
    lock.unlock();
    int flushed = -1;
    bool fine = true;
    for (Request& request : batch) {
      if (request.file->get() != flushed) {
        flushed = request.file->get();
        fine = ::fdatasync(flushed) == 0;
      }
      request.done(fine);
    }
    lock.lock();
  }
}

}  // namespace dbgate::adapters
