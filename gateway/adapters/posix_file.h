#pragma once
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/base/error.h"

namespace dbgate::adapters {

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

/// 58030 with what errno says.
Error io_error(const std::string& what);

/// Of a key, a checkpoint, positions: what is behind 64 KiB is not read. Errors: 58030.
Result<std::string> read_small_file(const File& file, const std::string& path);
/// Without a value: there is no such file.
Result<std::optional<std::string>> read_small_file(const std::string& path);

/// Writes a file as a whole and to the disk, or not at all; mode 0600. Errors: 58030.
Result<> replace_file(const std::string& path, std::string_view text);

/// A file is durable under its name only once its directory is.
bool flush_directory(const std::string& directory);

/// Writes as much as the file takes. @return how much; less than all: errno says why
std::size_t write_all(const File& file, std::string_view text);

}  // namespace dbgate::adapters
