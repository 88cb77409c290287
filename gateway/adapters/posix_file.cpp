#include "gateway/adapters/posix_file.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace dbgate::adapters {
namespace {

constexpr std::size_t most_bytes = 64u << 10;

}  // namespace

Error io_error(const std::string& what) {
  return {sqlstate::io_error, "audit log: " + what + ": " + std::strerror(errno)};
}

bool flush_directory(const std::string& directory) {
  const File file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return file.get() >= 0 && ::fsync(file.get()) == 0;
}

Result<std::string> read_small_file(const File& file, const std::string& path) {
  std::string text(most_bytes, '\0');
  const ssize_t n = ::pread(file.get(), text.data(), text.size(), 0);
  if (n < 0) return io_error("cannot read " + path);
  text.resize(static_cast<std::size_t>(n));
  return text;
}

Result<std::optional<std::string>> read_small_file(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) return std::optional<std::string>();
  if (file.get() < 0) return io_error("cannot read " + path);
  DBGATE_TRY(std::string text, read_small_file(file, path));
  return std::optional(std::move(text));
}

Result<> replace_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  const File file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0 || write_all(file, text) != text.size() || ::fsync(file.get()) != 0)
    return io_error("cannot write " + fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return io_error("cannot name " + path);
  if (!flush_directory(path.substr(0, path.rfind('/')))) return io_error("cannot flush the directory of " + path);
  return boost::system::in_place_value;
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
