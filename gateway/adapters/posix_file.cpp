#include "gateway/adapters/posix_file.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace dbgate::adapters {

Error io_error(const std::string& what) {
  return {sqlstate::io_error, "audit log: " + what + ": " + std::strerror(errno)};
}

bool flush_directory(const std::string& directory) {
  const File file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return file.get() >= 0 && ::fsync(file.get()) == 0;
}

std::size_t write_all(const File& file, std::string_view text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t n = ::write(file.get(), text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    written += static_cast<std::size_t>(n);
  }
  return written;
}

}  // namespace dbgate::adapters
