#include "gateway/adapters/store/own_key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "gateway/adapters/posix_file.h"
#include "gateway/auth/random.h"
#include "gateway/base/ids.h"

namespace dbgate::adapters::store {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t file_bytes = 2 * key_bytes + 1;  // with a line end
const Result<> done = boost::system::in_place_value;

Error failed(const std::string& path, const char* what) {
  return Error(sqlstate::io_error,
               "the key of the identity store, " + path + ", cannot be " + what + ": " + std::strerror(errno));
}

std::string hexadecimal(const std::string& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

// Whole under a name of its own, before anybody can see it under the right one.
Result<> write_new(const std::string& path, const std::string& text) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0 || write_all(file, text) != text.size() || ::fsync(file.get()) != 0) return failed(path, "made");
  return done;
}

}  // namespace

Result<std::optional<identity::SealingKey>> load_own_key(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) return std::optional<identity::SealingKey>();
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) return failed(path, "read");
  if ((info.st_mode & 077) != 0)
    return Error(sqlstate::data_corrupted, "others can read the key of the identity store, " + path, "chmod 600 it.");
  std::array<char, file_bytes + 1> text{};
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return failed(path, "read");
  std::string_view line(text.data(), static_cast<std::size_t>(size));
  if (line.ends_with('\n')) line.remove_suffix(1);
  auto bytes = identity::parse_sealing_key(line);
  OPENSSL_cleanse(text.data(), text.size());
  if (!bytes) return Error(sqlstate::data_corrupted, "the key of the identity store, " + path + ", is damaged");
  return std::optional(identity::SealingKey{own_key_id, std::move(*bytes)});
}

Result<identity::SealingKey> make_own_key(const std::string& path) {
  const std::string fresh = path + make_id(".");
  std::string text = hexadecimal(auth::random_bytes(key_bytes)) + "\n";
  const auto written = write_new(fresh, text);
  OPENSSL_cleanse(text.data(), text.size());
  const bool linked = written && (::link(fresh.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const Error why = written ? failed(path, "made") : written.error();
  ::unlink(fresh.c_str());
  if (!linked) return why;
  flush_directory(path.substr(0, path.rfind('/')));
  DBGATE_TRY(auto key, load_own_key(path));
  if (!key) return failed(path, "read");
  return std::move(*key);
}

}  // namespace dbgate::adapters::store
