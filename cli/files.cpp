#include "cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/problem.h"

namespace dbgate::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Problem file_problem(const std::string& what, const std::string& path) {
  return {Exit::failure, "cannot " + what + " " + path + ": " + std::strerror(errno), "", ""};
}

std::string made(const std::string& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) throw Problem{Exit::failure, "cannot create " + path + ": " + failed.message(), "", ""};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw file_problem("look at", path);
  if (status.st_uid != ::geteuid()) throw Problem{Exit::failure, path + " belongs to another user", "", ""};
  if ((status.st_mode & 077) != 0) ::chmod(path.c_str(), 0700);
  return path;
}

}  // namespace

std::string state_directory() {
  std::string base = environment("XDG_STATE_HOME");
  if (base.empty()) base = environment("HOME") + "/.local/state";
  return made(base + "/dbgate");
}

std::string runtime_directory() {
  const std::string base = environment("XDG_RUNTIME_DIR");
  if (!base.empty()) return made(base + "/dbgate");
  return made(std::filesystem::temp_directory_path().string() + "/dbgate-" + std::to_string(::geteuid()));
}

std::string read_private_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) {
    if (errno == ENOENT) return {};
    throw file_problem("read", path);
  }
  struct stat status {};
  const bool private_to_us = ::fstat(file, &status) == 0 && status.st_uid == ::geteuid() && (status.st_mode & 077) == 0;
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; private_to_us && (got = ::read(file, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ::close(file);
  if (!private_to_us) {
    throw Problem{Exit::failure, path + " can be read by others", "chmod 600 " + path, ""};
  }
  return text;
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

}  // namespace dbgate::cli
