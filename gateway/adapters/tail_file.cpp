#include "gateway/adapters/tail_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>

#include "gateway/adapters/posix_file.h"

namespace dbgate::adapters {
namespace {

// Where to go on when a page of a mapping cannot be had: the kernel tells it by SIGBUS, at the access itself.
thread_local sigjmp_buf* rescue = nullptr;
struct sigaction before;

void on_bus_error(int) {
  if (rescue != nullptr) siglongjmp(*rescue, 1);
  ::sigaction(SIGBUS, &before, nullptr);  // not ours: the access is repeated and meets who was there before
}

void watch_bus_errors() {
  static const bool watching = [] {
    struct sigaction action {};
    action.sa_handler = on_bus_error;
    action.sa_flags = SA_NODEFER;  // left by a jump, which does not restore the mask
    return ::sigaction(SIGBUS, &action, &before) == 0;
  }();
  static_cast<void>(watching);
}

// Runs `access`, which must have nothing to clean up. False: a page could not be had.
template <class Access>
bool guarded(const Access& access) noexcept {
  sigjmp_buf here;
  if (sigsetjmp(here, 0) != 0) {
    rescue = nullptr;
    return false;
  }
  rescue = &here;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  access();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  rescue = nullptr;
  return true;
}

constexpr std::size_t file_bytes = sizeof(audit::TailHeader) + TailFile::room_bytes;

}  // namespace

Result<std::unique_ptr<TailFile>> TailFile::create(const std::string& path) {
  const File file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return io_error("cannot create " + path);
  std::string content(file_bytes, '\0');
  const audit::TailHeader header;
  std::memcpy(content.data(), &header, sizeof header);
  if (write_all(file, content) < content.size()) return io_error("cannot write " + path);
  void* const mapping = ::mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.get(), 0);
  if (mapping == MAP_FAILED) return io_error("cannot map " + path);
  watch_bus_errors();
  return std::unique_ptr<TailFile>(new TailFile(mapping));
}

TailFile::TailFile(void* mapping)
    : header_(static_cast<audit::TailHeader*>(mapping)), room_(static_cast<char*>(mapping) + sizeof *header_) {}

TailFile::~TailFile() {
  ::munmap(header_, file_bytes);
}

bool TailFile::take(std::string_view records) noexcept {
  if (!usable_ || records.size() > room_bytes - used_) return false;
  usable_ = guarded([&] {
    std::memcpy(room_ + used_, records.data(), records.size());
    std::atomic_ref(header_->used).store(used_ + records.size(), std::memory_order_release);
  });
  if (usable_) used_ += records.size();
  return usable_;
}

void TailFile::clear() noexcept {
  used_ = written_ = 0;
  ++round_;
  usable_ = guarded([&] {
    std::atomic_ref(header_->used).store(0, std::memory_order_release);
    std::atomic_ref(header_->round).store(round_, std::memory_order_release);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // before the room is written to again
  });
}

}  // namespace dbgate::adapters
