#include "gateway/adapters/file_audit.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/audit/verify.h"
#include "gateway/base/log.h"

namespace dbgate::adapters {
namespace {

using ports::AuditChain;
using Ticket = AuditChain::Ticket;
using Clock = std::chrono::steady_clock;

// A new head after so many records, but not more often than this: making a file costs as much as 50 records.
constexpr std::uint64_t head_records = 1024;
constexpr std::chrono::seconds head_interval{1};

Error io_error(const std::string& what) {
  return {sqlstate::io_error, "audit log: " + what + ": " + std::strerror(errno)};
}

/// A descriptor that closes itself.
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_ = -1;
};

// A file is durable under its name only once its directory is.
bool flush_directory(const std::string& directory) {
  const File file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return file.get() >= 0 && ::fsync(file.get()) == 0;
}

/// Makes written records durable, for all chains with as few fdatasync calls as possible: while one runs, the tickets
/// that arrive wait for the next.
class Flusher {
 public:
  Flusher() : thread_([this] { run(); }) {}
  ~Flusher() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  /// Shares the file: its chain may turn to another segment, or close, before its turn comes.
  void flush(std::shared_ptr<const File> file, std::function<void(bool)> done) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back({std::move(file), std::move(done)});
    }
    wake_.notify_one();
  }

 private:
  struct Request {
    std::shared_ptr<const File> file;
    std::function<void(bool)> done;
  };
  void run() {
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

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Request> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

class FileChain final : public AuditChain {
 public:
  FileChain(const FileAuditOptions& options, std::string name, std::shared_ptr<Flusher> flusher)
      : options_(options), chain_(std::move(name)), flusher_(std::move(flusher)) {}
  ~FileChain() override {
    if (!file_) return;          // never opened
    if (commit()) write_head();  // never a head before its record
  }

  Result<> open();
  Result<> append(std::string_view event, std::string_view fields) override;
  Result<std::string> store_text(std::string_view text) override;
  Result<Ticket> commit() override;
  bool is_durable(Ticket ticket) const override { return ticket <= durable_->load(); }
  void when_durable(Ticket ticket, std::function<void()> done) override;
  bool sync_required() const override { return options_.sync; }

 private:
  std::string segment_path(std::uint64_t number) const;
  Result<> start_segment();
  bool recover(const std::string& path, std::string& torn);
  void write_head();

  FileAuditOptions options_;
  audit::Chain chain_;
  std::shared_ptr<Flusher> flusher_;
  std::shared_ptr<std::atomic<Ticket>> durable_ = std::make_shared<std::atomic<Ticket>>(0);
  std::shared_ptr<std::atomic<bool>> failed_flush_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<const File> file_;
  std::uint64_t segment_ = 0;
  std::size_t segment_size_ = 0;
  std::string buffer_;
  bool broken_ = false;
  std::uint64_t head_sequence_ = 0;
  Clock::time_point head_time_;
};

std::string FileChain::segment_path(std::uint64_t number) const {
  std::string digits = std::to_string(number);
  digits.insert(0, digits.size() < 6 ? 6 - digits.size() : 0, '0');
  return options_.directory + "/audit-" + chain_.name() + "-" + digits + ".jsonl";
}

// Reads the last whole record of a segment and takes a cut-off line away. False if the segment holds no record.
bool FileChain::recover(const std::string& path, std::string& torn) {
  std::ifstream stream(path, std::ios::binary);
  std::string line;
  std::string last;
  std::size_t good = 0;
  while (std::getline(stream, line)) {
    if (stream.eof()) {
      torn = line;
      break;
    }
    good += line.size() + 1;
    last = line;
  }
  stream.close();
  if (!torn.empty()) {
    std::ofstream(path + ".torn", std::ios::binary | std::ios::app) << torn << '\n';
    std::error_code ignored;
    std::filesystem::resize_file(path, good, ignored);
  }
  const audit::SealedLine sealed = audit::read_sealed(last);
  if (!sealed.valid) return false;
  chain_.resume(sealed.sequence, std::string(sealed.hash));
  return true;
}

Result<> FileChain::open() {
  std::string torn;
  for (const audit::SegmentFile& segment : audit::list_segments(options_.directory)) {
    if (segment.chain != chain_.name()) continue;
    segment_ = segment.number;
    torn.clear();
    recover(segment.path, torn);
  }
  const audit::Head head = audit::read_head(options_.directory + "/audit-" + chain_.name() + ".head");
  const std::uint64_t found = chain_.sequence();
  const bool lost = head.valid && (head.sequence > found || (head.sequence == found && head.hash != chain_.hash()));
  // Going on behind what was found would make a log whose end is missing whole again; going on behind what was noted
  // leaves the hole for verification to see.
  if (lost) chain_.resume(head.sequence, head.hash);
  const auto started = start_segment();
  if (!started) return started;
  std::string fields;
  if (lost) {
    audit::append_field(fields, "reason", std::string_view("the log does not end with the record that was noted last"));
    audit::append_field(fields, "found", found);
    audit::append_field(fields, "noted", head.sequence);
  } else if (!torn.empty()) {
    audit::append_field(fields, "reason", std::string_view("a record was cut off when the last process ended"));
  } else {
    return boost::system::in_place_value;
  }
  audit::append_field(fields, "bytes", std::uint64_t{torn.size()});
  return append("audit.gap", fields);
}

Result<> FileChain::start_segment() {
  const std::string path = segment_path(segment_ + 1);
  File fresh(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  if (fresh.get() < 0) return io_error("cannot create " + path);
  if (options_.sync && !flush_directory(options_.directory)) {
    const Error why = io_error("cannot flush " + options_.directory);
    ::unlink(path.c_str());  // the next attempt makes it anew
    return why;
  }
  write_head();
  file_ = std::make_shared<const File>(std::move(fresh));
  ++segment_;
  segment_size_ = 0;
  return boost::system::in_place_value;
}

Result<> FileChain::append(std::string_view event, std::string_view fields) {
  if (broken_) {
    // Whether the disk takes records again shows only by trying.
    const auto retried = commit();
    if (!retried) return retried.error();
    std::string gap;
    audit::append_field(gap, "reason", std::string_view("the log could not be written for a while"));
    chain_.seal(buffer_, "audit.gap", gap);
  }
  chain_.seal(buffer_, event, fields);
  return boost::system::in_place_value;
}

Result<std::string> FileChain::store_text(std::string_view text) {
  std::string hash = audit::sha256_hex(text);
  const std::string blobs = options_.directory + "/blobs";
  const std::string path = blobs + "/" + hash;
  if (::access(path.c_str(), F_OK) == 0) return hash;
  const std::string temporary = path + "." + chain_.name() + ".tmp";
  const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return io_error("cannot create " + temporary);
  for (std::string_view left = text; !left.empty();) {
    const ssize_t written = ::write(file.get(), left.data(), left.size());
    if (written < 0) return io_error("cannot write " + temporary);
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  if (options_.sync && ::fdatasync(file.get()) != 0) return io_error("cannot flush " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return io_error("cannot name " + path);
  if (options_.sync && !flush_directory(blobs)) {
    const Error why = io_error("cannot flush " + blobs);
    ::unlink(path.c_str());
    return why;
  }
  return hash;
}

Result<Ticket> FileChain::commit() {
  if (failed_flush_->load()) return Error(sqlstate::io_error, "audit log: records could not be made durable");
  std::size_t written = 0;
  while (written < buffer_.size()) {
    const ssize_t n = ::write(file_->get(), buffer_.data() + written, buffer_.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const Error why = io_error("cannot write");
      if (!broken_)
        log::error("audit", "the audit log cannot be written; statements are refused", {{"err", why.message()}});
      broken_ = true;
      buffer_.erase(0, written);
      return why;
    }
    written += static_cast<std::size_t>(n);
  }
  broken_ = false;
  segment_size_ += buffer_.size();
  buffer_.clear();
  if (segment_size_ >= options_.segment_bytes) {
    if (options_.sync && ::fdatasync(file_->get()) != 0) return io_error("cannot flush");
    const auto started = start_segment();
    if (!started) return started.error();
  }
  if (chain_.sequence() - head_sequence_ >= head_records && Clock::now() - head_time_ >= head_interval) write_head();
  return chain_.sequence();
}

void FileChain::when_durable(Ticket ticket, std::function<void()> done) {
  flusher_->flush(file_, [ticket, durable = durable_, failed = failed_flush_, done = std::move(done)](bool fine) {
    if (fine) {
      Ticket seen = durable->load();
      while (seen < ticket && !durable->compare_exchange_weak(seen, ticket)) {
      }
    } else {
      failed->store(true);
    }
    done();
  });
}

void FileChain::write_head() {
  if (!file_ || chain_.sequence() == 0) return;
  const std::string path = options_.directory + "/audit-" + chain_.name() + ".head";
  const std::string temporary = path + ".tmp";
  {
    const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const std::string text = std::to_string(chain_.sequence()) + " " + chain_.hash() + "\n";
    if (file.get() < 0 || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return;
  head_sequence_ = chain_.sequence();
  head_time_ = Clock::now();
}

class FileAudit final : public ports::AuditLog {
 public:
  FileAudit(FileAuditOptions options, File lock)
      : options_(std::move(options)), lock_(std::move(lock)), flusher_(std::make_shared<Flusher>()) {}

  Result<std::unique_ptr<AuditChain>> open_chain(const std::string& name) override {
    auto chain = std::make_unique<FileChain>(options_, name, flusher_);
    const auto opened = chain->open();
    if (!opened) return opened.error();
    return std::unique_ptr<AuditChain>(std::move(chain));
  }

 private:
  FileAuditOptions options_;
  File lock_;
  std::shared_ptr<Flusher> flusher_;
};

}  // namespace

Result<std::unique_ptr<ports::AuditLog>> open_file_audit(const FileAuditOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(options.directory + "/blobs", failed);
  if (failed)
    return Error(sqlstate::io_error, "audit log: cannot create " + options.directory + ": " + failed.message());
  ::chmod(options.directory.c_str(), 0700);
  const std::string parent = std::filesystem::path(options.directory).parent_path();
  if (options.sync && !(flush_directory(options.directory) && flush_directory(parent.empty() ? "." : parent))) {
    return io_error("cannot flush " + options.directory);
  }
  File lock(::open((options.directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) return io_error("cannot open " + options.directory + "/lock");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error(sqlstate::io_error, "audit log: " + options.directory + " is in use by another dbgate-gateway");
  }
  return std::unique_ptr<ports::AuditLog>(std::make_unique<FileAudit>(options, std::move(lock)));
}

}  // namespace dbgate::adapters
