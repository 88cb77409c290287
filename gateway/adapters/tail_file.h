#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/audit/tail.h"
#include "gateway/base/error.h"

namespace dbgate::adapters {

/// The writing side of audit::Tail: records are accepted by copying them into a mapping of the file, which survives
/// this process as written files do and costs no system call. Of one thread.
///
/// All blocks of the file are there before it is mapped, so a full disk is met when it is made. Where a page cannot be
/// had all the same (the file was cut short, a file system that copies on write is full), the copy fails and the
/// process lives on.
class TailFile {
 public:
  /// What it costs to move the records to their segment hardly falls beyond this (docs/decisions/0014).
  static constexpr std::size_t room_bytes = 256 * 1024;

  /// Makes the file anew, empty. Errors: 58030.
  static Result<std::unique_ptr<TailFile>> create(const std::string& path);
  ~TailFile();
  TailFile(const TailFile&) = delete;
  TailFile& operator=(const TailFile&) = delete;

  /// False: there is no room for them; none is accepted.
  bool take(std::string_view records) noexcept;
  /// What has yet to be written to a segment. A page that cannot be had makes write() fail with EFAULT.
  std::string_view unwritten() const noexcept { return {room_ + written_, used_ - written_}; }
  void wrote(std::size_t bytes) noexcept { written_ += bytes; }
  /// All of it has been written: there is room again.
  void clear() noexcept;

 private:
  explicit TailFile(void* mapping);

  audit::TailHeader* header_;
  char* room_;
  std::uint64_t round_ = 0;
  std::size_t used_ = 0;
  std::size_t written_ = 0;
  bool usable_ = true;  ///< the file says the same as these members
};

}  // namespace dbgate::adapters
