#include "gateway/adapters/line_file_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>

#include "gateway/adapters/posix_file.h"

namespace dbgate::adapters {
namespace {

constexpr int turn_ms = 200;  // between looks at whether it is to stop
constexpr int most_turns = 50;

std::string said(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

class LineFileSink final : public ports::AuditSink {
 public:
  explicit LineFileSink(std::string path) : path_(std::move(path)) {}

  ports::Delivery send(std::span<const ports::SinkRecord> records, const std::stop_token& stop) override {
    ports::Delivery delivery;
    if (!open()) {
      delivery.why = said("cannot open " + path_);
      return delivery;
    }
    // The line that the last attempt has left in the middle.
    if (!rest_.empty()) {
      rest_.erase(0, write(rest_, stop));
      if (!rest_.empty()) return failed(delivery);
      if (rest_of_ == hash_of(records[0])) delivery.delivered = 1;
    }
    std::string text;
    for (const ports::SinkRecord& record : records.subspan(delivery.delivered))
      text.append(record.line) += '\n';
    std::size_t written = write(text, stop);
    const bool whole = written == text.size();
    for (; delivery.delivered < records.size(); ++delivery.delivered) {
      const ports::SinkRecord& record = records[delivery.delivered];
      if (written <= record.line.size()) {
        if (written > 0) rest_ = std::string(record.line.substr(written)) + '\n';
        rest_of_ = hash_of(record);
        break;
      }
      written -= record.line.size() + 1;
    }
    return whole ? delivery : failed(delivery);
  }

  Result<> settle(const std::stop_token&) override {
    if (!regular_ || !unflushed_ || ::fdatasync(file_.get()) == 0) {
      unflushed_ = false;
      return boost::system::in_place_value;
    }
    return Error(sqlstate::io_error, said("cannot flush " + path_));
  }

  void reopen() noexcept override { reopen_ = true; }

 private:
  static std::size_t hash_of(const ports::SinkRecord& record) { return std::hash<std::string_view>()(record.line); }

  ports::Delivery failed(ports::Delivery delivery) {
    delivery.why = said("cannot write " + path_);
    if (!regular_) file_ = File();  // whoever reads it may be another one next time
    return delivery;
  }

  bool open() {
    struct stat now {};
    const bool there = ::stat(path_.c_str(), &now) == 0;
    const bool plain = !there || S_ISREG(now.st_mode);
    const bool same = there && file_.get() >= 0 && now.st_dev == device_ && now.st_ino == inode_;
    if (same && !reopen_.exchange(false)) return true;
    if (unflushed_ && regular_) ::fdatasync(file_.get());
    // A FIFO without a reader must not keep the thread, and must not be its own.
    const int how = plain ? O_RDWR | O_APPEND | O_CREAT : O_WRONLY;
    file_ = File(::open(path_.c_str(), how | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
    if (file_.get() < 0 || ::fstat(file_.get(), &now) != 0) return false;
    device_ = now.st_dev;
    inode_ = now.st_ino;
    regular_ = S_ISREG(now.st_mode);
    rest_.clear();
    unflushed_ = false;
    end_cut_line(now.st_size);
    return true;
  }

  void end_cut_line(off_t size) {
    char last = '\n';
    if (!regular_ || size == 0 || ::pread(file_.get(), &last, 1, size - 1) != 1 || last == '\n') return;
    static_cast<void>(write_all(file_, "\n"));
  }

  // @return how many bytes were written
  std::size_t write(std::string_view text, const std::stop_token& stop) {
    std::size_t written = 0;
    for (int turns = 0; written < text.size() && turns < most_turns;) {
      const std::size_t more = write_all(file_, text.substr(written));
      written += more;
      unflushed_ = unflushed_ || more > 0;
      if (written == text.size() || errno != EAGAIN || stop.stop_requested()) break;
      turns = more > 0 ? 0 : turns + 1;
      pollfd ready{file_.get(), POLLOUT, 0};
      ::poll(&ready, 1, turn_ms);
      errno = EAGAIN;
    }
    return written;
  }

  const std::string path_;
  std::atomic<bool> reopen_{false};
  File file_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool regular_ = false;
  bool unflushed_ = false;
  std::string rest_;         ///< of a line of which the file has the beginning
  std::size_t rest_of_ = 0;  ///< which: its hash
};

}  // namespace

std::unique_ptr<ports::AuditSink> make_line_file_sink(std::string path) {
  return std::make_unique<LineFileSink>(std::move(path));
}

}  // namespace dbgate::adapters
