#include "cli/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/problem.h"

namespace dbgate::cli {
namespace {

Problem file_problem(const std::string& what, const std::string& path) {
  return {Exit::failure, "cannot " + what + " " + path + ": " + std::strerror(errno), ""};
}

std::string xdg(const char* name, const char* otherwise) {
  const std::string base = environment(name);
  // Relative paths are invalid by the XDG Base Directory Specification.
  if (!base.empty() && base.front() == '/') return base;
  return environment("HOME") + otherwise;
}

// A file of our own that has none of the `forbidden` permissions.
std::string read_guarded(const std::string& path, mode_t forbidden, const char* may, const char* mode) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    if (errno == ELOOP) throw Problem{Exit::failure, path + " is a symbolic link", "put the file itself there"};
    throw file_problem("read", path);
  }
  struct stat status {};
  const bool ours = ::fstat(file, &status) == 0 && status.st_uid == ::geteuid() && S_ISREG(status.st_mode);
  const bool guarded = ours && (status.st_mode & forbidden) == 0;
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; guarded && (got = ::read(file, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ::close(file);
  if (!ours) throw Problem{Exit::failure, path + " is not a file of yours", "look at who put it there, and remove it"};
  if (!guarded) throw Problem{Exit::failure, path + " can be " + std::string(may) + " by others", std::string("chmod ") + mode + " " + path};
  return text;
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string made_private(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path place(path);
  if (place.has_parent_path()) std::filesystem::create_directories(place.parent_path(), failed);
  if (!failed && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw file_problem("create", path);
  if (failed) throw Problem{Exit::failure, "cannot create " + path + ": " + failed.message(), ""};
  struct stat status {};
  // Below a directory that everybody may write to, the name could be a link that somebody else made.
  if (::lstat(path.c_str(), &status) != 0) throw file_problem("look at", path);
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid()) {
    throw Problem{Exit::failure, path + " is not a directory of yours", "look at who put it there, and remove it"};
  }
  if ((status.st_mode & 077) != 0 && ::chmod(path.c_str(), 0700) != 0) throw file_problem("protect", path);
  return path;
}

std::string config_directory() {
  const std::string chosen = environment("DBGATE_CONFIG_DIR");
  return chosen.empty() ? xdg("XDG_CONFIG_HOME", "/.config") + "/dbgate" : chosen;
}

std::string state_directory() {
  return made_private(xdg("XDG_STATE_HOME", "/.local/state") + "/dbgate");
}

std::string cache_directory() {
  return made_private(xdg("XDG_CACHE_HOME", "/.cache") + "/dbgate");
}

std::string runtime_directory() {
  const std::string base = environment("XDG_RUNTIME_DIR");
  if (!base.empty()) return made_private(base + "/dbgate");
  return made_private(std::filesystem::temp_directory_path().string() + "/dbgate-" + std::to_string(::geteuid()));
}

std::string read_private_file(const std::string& path) {
  return read_guarded(path, 077, "read", "600");
}

std::string read_trusted_file(const std::string& path) {
  return read_guarded(path, 022, "written", "600");
}

void write_private_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + "." + std::to_string(::getpid()) + ".new";
  ::unlink(temporary.c_str());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) throw file_problem("write", temporary);
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const Problem problem = file_problem("write", path);
    ::unlink(temporary.c_str());
    throw problem;
  }
}

FileLock::FileLock(const std::string& path)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (file_ < 0) throw file_problem("lock", path);
  int done = 0;
  do {
    done = ::flock(file_, LOCK_EX);
  } while (done != 0 && errno == EINTR);
  if (done != 0) {
    ::close(file_);
    throw file_problem("lock", path);
  }
}

FileLock::~FileLock() {
  ::close(file_);
}

}  // namespace dbgate::cli
