#include "gateway/adapters/file_audit.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>

#include "gateway/adapters/audit_flusher.h"
#include "gateway/adapters/posix_file.h"
#include "gateway/adapters/tail_file.h"
#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/audit/tail.h"
#include "gateway/audit/text.h"
#include "gateway/audit/verify.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::adapters {
namespace {

using ports::AuditChain;
using Ticket = AuditChain::Ticket;
using Clock = std::chrono::steady_clock;

// A new head after so many records, but not more often than this: making a file costs as much as 50 records.
constexpr std::uint64_t head_records = 1024;
constexpr std::chrono::seconds head_interval{1};

class FileChain final : public AuditChain {
 public:
  FileChain(const FileAuditOptions& options, std::string name, ports::Pace pace, std::shared_ptr<AuditFlusher> flusher,
            std::shared_ptr<telemetry::AuditCounters> counters)
      : options_(options),
        chain_(std::move(name)),
        tail_path_(audit::tail_path(options_.directory, chain_.name())),
        has_tail_(pace == ports::Pace::steady && !options_.sync),
        flusher_(std::move(flusher)),
        counters_(std::move(counters)) {}
  ~FileChain() override {
    if (!file_ || !write_out()) return;  // never opened; or what is accepted stays in the tail
    write_head();                        // never a head before its record
    if (tail_) ::unlink(tail_path_.c_str());
  }

  Result<> open();
  Result<> append(std::string_view event, std::string_view fields) override {
    return append_from(chain_.start(event, {}), fields);
  }
  audit::RecordStart start_of(std::string_view event, std::string_view fields) const override {
    return chain_.start(event, fields);
  }
  Result<> append_from(const audit::RecordStart& start, std::string_view fields) override;
  std::optional<audit::RecordName> last_record() const override;
  Result<std::string> store_text(std::string_view text) override;
  Result<Ticket> commit() override;
  Result<> write_out() override;
  bool is_durable(Ticket ticket) const override { return ticket <= durable_->load(); }
  void when_durable(Ticket ticket, std::function<void()> done) override;
  bool sync_required() const override { return options_.sync; }

 private:
  std::string segment_path(std::uint64_t number) const {
    return audit::segment_path(options_.directory, chain_.name(), number);
  }
  Result<> start_segment();
  std::size_t mend(const audit::SegmentFile& segment, const audit::Tail& tail);
  std::size_t recover(const audit::Tail& tail);
  std::size_t take_over(const audit::Tail& tail);
  bool too_old() const {
    return options_.segment_max_age.count() > 0 && segment_size_ > 0 &&
           wrote_at_ - segment_begun_ >= options_.segment_max_age;
  }
  Result<> write_records();
  bool write_pieces();
  void count_write(Clock::time_point begun);
  void write_head();

  FileAuditOptions options_;
  audit::Chain chain_;
  std::string tail_path_;
  bool has_tail_;
  std::shared_ptr<AuditFlusher> flusher_;
  std::shared_ptr<std::atomic<Ticket>> durable_ = std::make_shared<std::atomic<Ticket>>(0);
  std::shared_ptr<std::atomic<bool>> failed_flush_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<const File> file_;
  std::unique_ptr<TailFile> tail_;  ///< accepted, not written yet
  audit::Text buffer_;              ///< behind that: appended, not accepted yet
  std::uint64_t segment_ = 0;
  std::size_t segment_size_ = 0;
  Clock::time_point segment_begun_;  ///< when its first record was written
  Clock::time_point wrote_at_;       ///< when the last one was
  std::shared_ptr<telemetry::AuditCounters> counters_;
  std::uint64_t first_ = 0;  ///< sequence number when it was opened
  bool broken_ = false;      ///< the segment takes nothing
  bool gap_due_ = false;     ///< it did not, and the log has yet to say so
  std::uint64_t head_sequence_ = 0;
  Clock::time_point head_time_;
};

void set_aside(const std::string& path, std::string_view torn) {
  std::ofstream(path + ".torn", std::ios::binary | std::ios::app) << torn << '\n';
}

// Takes the line away that a crash has cut off. @return its bytes, if they are lost: none, if the tail has the whole of
// it
std::size_t FileChain::mend(const audit::SegmentFile& segment, const audit::Tail& tail) {
  if (!segment.plain) return 0;
  std::error_code failed;
  const std::uint64_t size = std::filesystem::file_size(segment.path, failed);
  if (failed || size == 0) return 0;
  const auto last = audit::last_line(segment.path, 0, size);
  if (!last || last->end == size) return 0;
  const auto torn = audit::read_part(segment.path, last->end, size - last->end);
  if (!torn) return 0;
  const bool whole = std::any_of(tail.lines.begin(), tail.lines.end(),
                                 [&torn](const std::string& accepted) { return accepted.starts_with(*torn); });
  if (!whole) set_aside(segment.path, *torn);
  std::filesystem::resize_file(segment.path, last->end, failed);
  return whole ? 0 : torn->size();
}

// Goes on behind the last record of the segments. @return the bytes of a line that is lost
std::size_t FileChain::recover(const audit::Tail& tail) {
  std::vector<audit::SegmentFile> segments = audit::list_segments(options_.directory);
  std::erase_if(segments, [this](const audit::SegmentFile& segment) { return segment.chain != chain_.name(); });
  std::size_t torn = 0;
  for (const audit::SegmentFile& segment : segments) {
    segment_ = segment.number;
    torn = mend(segment, tail);
  }
  audit::SegmentSizes sizes;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    const auto size = sizes.of(segment->path);
    if (!size || *size == 0) continue;
    const auto last = audit::last_line(segment->path, 0, *size);
    if (!last) continue;
    const audit::SealedLine sealed = audit::read_sealed(last->line);
    if (!sealed.valid) continue;
    chain_.resume(sealed.sequence, std::string(sealed.hash));
    break;
  }
  return torn;
}

// Puts the records of the last process that are in no segment in front of all others. @return the bytes of what is
// there but is no record: a machine that crashed may have written the header, and not yet what it speaks of
std::size_t FileChain::take_over(const audit::Tail& tail) {
  std::size_t bad = 0;
  for (const std::string& line : tail.lines) {
    const audit::SealedLine sealed = audit::read_sealed(line);
    if (bad > 0 || !sealed.valid || audit::sha256_hex(sealed.covered) != sealed.hash) {
      set_aside(tail_path_, line);
      bad += line.size();
    } else if (sealed.sequence > chain_.sequence()) {
      buffer_ += line;
      buffer_ += '\n';
      chain_.resume(sealed.sequence, std::string(sealed.hash));
    }
  }
  return bad;
}

Result<> FileChain::open() {
  const audit::Tail tail = audit::read_tail(tail_path_, chain_.name());
  const std::size_t torn = recover(tail) + take_over(tail);
  const audit::Head head = audit::read_head(options_.directory + "/audit-" + chain_.name() + ".head");
  const std::uint64_t found = chain_.sequence();
  const bool lost = head.valid && (head.sequence > found || (head.sequence == found && head.hash != chain_.hash()));
  DBGATE_CHECK(start_segment());
  DBGATE_CHECK(write_records());
  if (options_.sync && !tail.lines.empty() && ::fdatasync(file_->get()) != 0) return io_error("cannot flush");
  // Its records are in the segment now.
  if (has_tail_) {
    DBGATE_TRY(tail_, TailFile::create(tail_path_));
  } else {
    ::unlink(tail_path_.c_str());
  }
  // Going on behind what was found would make a log whose end is missing whole again; going on behind what was noted
  // leaves the hole for verification to see.
  if (lost) chain_.resume(head.sequence, head.hash);
  first_ = chain_.sequence();
  counters_->accepted.set(0);
  counters_->written.set(0);
  std::string fields;
  if (lost) {
    audit::append_field(fields, "reason", std::string_view("the log does not end with the record that was noted last"));
    audit::append_field(fields, "found", found);
    audit::append_field(fields, "noted", head.sequence);
  } else if (torn > 0) {
    audit::append_field(fields, "reason", std::string_view("a record was cut off when the last process ended"));
  } else {
    return boost::system::in_place_value;
  }
  audit::append_field(fields, "bytes", std::uint64_t{torn});
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
  segment_begun_ = {};
  return boost::system::in_place_value;
}

Result<> FileChain::append_from(const audit::RecordStart& start, std::string_view fields) {
  // Whether the disk takes records again shows only by trying.
  if (broken_) DBGATE_CHECK(write_out());
  if (std::exchange(gap_due_, false)) {
    std::string gap;
    audit::append_field(gap, "reason", std::string_view("the log could not be written for a while"));
    chain_.seal(buffer_, "audit.gap", gap);
  }
  chain_.seal(buffer_, start, fields);
  return boost::system::in_place_value;
}

std::optional<audit::RecordName> FileChain::last_record() const {
  const std::string_view appended = buffer_.view();
  if (appended.empty()) return {};
  const std::size_t before = appended.substr(0, appended.size() - 1).rfind('\n');
  return audit::name_of(before == std::string_view::npos ? appended : appended.substr(before + 1));
}

Result<std::string> FileChain::store_text(std::string_view text) {
  std::string hash = audit::sha256_hex(text);
  const std::string blobs = options_.directory + "/blobs";
  const std::string path = blobs + "/" + hash;
  // That it is used again must show before the record does that says so: retention looks at it (adapters/blob_sweep.h).
  if (::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0) return hash;
  const std::string temporary = path + "." + chain_.name() + ".tmp";
  const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return io_error("cannot create " + temporary);
  if (write_all(file, text) < text.size()) return io_error("cannot write " + temporary);
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
  if (tail_ && !broken_ && tail_->take(buffer_.view())) {
    buffer_.clear();
  } else {
    DBGATE_CHECK(write_out());
  }
  counters_->accepted.set(chain_.sequence() - first_);
  return chain_.sequence();
}

Result<> FileChain::write_out() {
  if (failed_flush_->load()) {
    counters_->failures.add();
    counters_->failing.set(1);
    return Error(sqlstate::io_error, "audit log: records could not be made durable");
  }
  DBGATE_CHECK(write_records());
  if (segment_size_ >= options_.segment_bytes || too_old()) {
    if (options_.sync && ::fdatasync(file_->get()) != 0) return io_error("cannot flush");
    DBGATE_CHECK(start_segment());
  }
  if (chain_.sequence() - head_sequence_ >= head_records && Clock::now() - head_time_ >= head_interval) write_head();
  return boost::system::in_place_value;
}

// Writes what was accepted to the segment, and then what was appended since. What is left when the disk is full is
// tried again with the next call.
Result<> FileChain::write_records() {
  const bool anything = buffer_.size() > 0 || (tail_ && !tail_->unwritten().empty());
  const auto begun = anything ? Clock::now() : Clock::time_point();
  if (write_pieces()) {
    broken_ = false;
    if (anything) count_write(begun);
    if (segment_size_ > 0 && segment_begun_ == Clock::time_point()) segment_begun_ = begun;
    if (anything) wrote_at_ = begun;
    return boost::system::in_place_value;
  }
  const Error why = io_error("cannot write");
  if (!broken_)
    log::error("audit", "the audit log cannot be written; statements are refused", {{"err", why.message()}});
  broken_ = gap_due_ = true;
  counters_->failures.add();
  counters_->failing.set(1);
  return why;
}

void FileChain::count_write(Clock::time_point begun) {
  counters_->writes.observe(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun));
  const std::uint64_t sequence = chain_.sequence() - std::min(first_, chain_.sequence());
  counters_->accepted.set(sequence);
  counters_->written.set(sequence);
  counters_->failing.set(0);
  counters_->last_success_s.set(static_cast<std::uint64_t>(wall_clock_us() / 1'000'000));
}

bool FileChain::write_pieces() {
  bool fine = true;
  if (tail_) {
    const std::string_view accepted = tail_->unwritten();
    const std::size_t written = write_all(*file_, accepted);
    segment_size_ += written;
    tail_->wrote(written);
    fine = written == accepted.size();
    if (fine) tail_->clear();
  }
  if (fine) {
    const std::size_t written = write_all(*file_, buffer_.view());
    segment_size_ += written;
    fine = written == buffer_.size();
    buffer_.drop_front(written);
  }
  return fine;
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
  // Of a log that survives the machine no head may be there before its record is, nor half of one. This waits for the
  // disk, once in a second at most.
  if (options_.sync && ::fdatasync(file_->get()) != 0) return failed_flush_->store(true);
  const std::string path = options_.directory + "/audit-" + chain_.name() + ".head";
  const std::string temporary = path + ".tmp";
  {
    const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const std::string text = std::to_string(chain_.sequence()) + " " + chain_.hash() + "\n";
    if (file.get() < 0 || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return;
    if (options_.sync && ::fdatasync(file.get()) != 0) return;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return;
  head_sequence_ = chain_.sequence();
  head_time_ = Clock::now();
}

class FileAudit final : public ports::AuditLog {
 public:
  explicit FileAudit(FileAuditOptions options)
      : options_(std::move(options)), flusher_(std::make_shared<AuditFlusher>()) {}

  Result<std::unique_ptr<AuditChain>> open_chain(const std::string& name, ports::Pace pace) override {
    auto counters = std::make_shared<telemetry::AuditCounters>();
    auto chain = std::make_unique<FileChain>(options_, name + options_.chain_suffix, pace, flusher_, counters);
    const auto opened = chain->open();
    if (!opened) return opened.error();
    const std::lock_guard lock(mutex_);
    counters_.push_back(std::move(counters));
    return std::unique_ptr<AuditChain>(std::move(chain));
  }

  std::vector<std::shared_ptr<const telemetry::AuditCounters>> counters() const override {
    const std::lock_guard lock(mutex_);
    return counters_;
  }

 private:
  FileAuditOptions options_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const telemetry::AuditCounters>> counters_;
  std::shared_ptr<AuditFlusher> flusher_;
};

}  // namespace

Result<std::shared_ptr<const File>> lock_file_audit(const FileAuditOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(options.directory + "/blobs", failed);
  if (failed)
    return Error(sqlstate::io_error, "audit log: cannot create " + options.directory + ": " + failed.message());
  ::chmod(options.directory.c_str(), 0700);
  const std::string path = options.directory + "/" + options.lock_name;
  auto lock = std::make_shared<const File>(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock->get() < 0) return io_error("cannot open " + path);
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    return Error(sqlstate::io_error, "audit log: " + options.directory + " is in use by another dbgate-gateway");
  }
  return lock;
}

Result<std::unique_ptr<ports::AuditLog>> open_file_audit(const FileAuditOptions& options) {
  FileAuditOptions own = options;
  if (!own.lock) {
    DBGATE_TRY(own.lock, lock_file_audit(options));
  }
  const std::string parent = std::filesystem::path(options.directory).parent_path();
  if (options.sync && !(flush_directory(options.directory) && flush_directory(parent.empty() ? "." : parent))) {
    return io_error("cannot flush " + options.directory);
  }
  auto log = std::make_unique<FileAudit>(own);
  const bool beside = options.shares || options.lock_name != FileAuditOptions::own_lock;
  if (beside) return std::unique_ptr<ports::AuditLog>(std::move(log));
  // After a crash, also of chains that nobody will open: there may be fewer workers now.
  for (const audit::Tail& tail : audit::read_tails(options.directory)) {
    if (tail.lines.empty()) continue;
    DBGATE_TRY(const auto recovered, log->open_chain(tail.chain, ports::Pace::rare));
  }
  return std::unique_ptr<ports::AuditLog>(std::move(log));
}

}  // namespace dbgate::adapters
