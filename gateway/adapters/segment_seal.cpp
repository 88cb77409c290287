#include "gateway/adapters/segment_seal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "gateway/adapters/posix_file.h"
#include "gateway/audit/sealed_segment.h"
#include "gateway/audit/sha256.h"

namespace dbgate::adapters {
namespace {

// As crashes leave it; the next attempt begins anew.
constexpr const char* unfinished = ".new";
constexpr std::size_t read_bytes = 256u << 10;

Result<std::string> hash_of(const File& file, const std::string& path) {
  audit::Sha256 hash;
  std::string part(read_bytes, '\0');
  for (::off_t at = 0;;) {
    const ssize_t got = ::pread(file.get(), part.data(), part.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("cannot read " + path);
    if (got == 0) return hash.hex();
    hash.add(std::string_view(part).substr(0, static_cast<std::size_t>(got)));
    at += got;
  }
}

Result<std::string> write_sealed(audit::SealContent& content, const std::string& path,
                                 const audit::Recipients& recipients, const std::atomic<bool>& stop) {
  const File file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return io_error("cannot create " + path);
  const audit::Source source = [&](char* to, std::size_t bytes) -> Result<std::size_t> {
    if (stop) return Error{sqlstate::query_canceled, "stopped"};
    return content.read(to, bytes);
  };
  DBGATE_CHECK(audit::seal(source, file.get(), recipients));
  if (::fsync(file.get()) != 0) return io_error("cannot flush " + path);
  return hash_of(file, path);
}

}  // namespace

Result<std::string> seal_segment(const std::string& directory, const std::string& chain, std::uint64_t number,
                                 const audit::Recipients& recipients, const std::atomic<bool>& stop) {
  const std::string folder = directory + "/" + std::string(audit::sealed_folder);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return io_error("cannot create " + folder);
  DBGATE_TRY(audit::SealContent content, audit::SealContent::open(directory, chain, number));
  const std::string path = audit::sealed_path(directory, chain, number);
  const std::string fresh = path + unfinished;
  auto hash = write_sealed(content, fresh, recipients, stop);
  if (!hash) {
    ::unlink(fresh.c_str());  // a full disk gets its room back
    return hash;
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return io_error("cannot name " + path);
  if (!flush_directory(folder) || !flush_directory(directory)) return io_error("cannot flush " + folder);
  return hash;
}

}  // namespace dbgate::adapters
