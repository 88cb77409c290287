#pragma once
#include <functional>
#include <string>

namespace dbgate::cli {

/// An environment variable; empty if it is not set.
std::string environment(const char* name);

/// $DBGATE_CONFIG_DIR, else $XDG_CONFIG_HOME/dbgate. Not made.
std::string config_directory();
/// $XDG_STATE_HOME/dbgate, made with mode 0700 if it is not there.
std::string state_directory();
/// $XDG_CACHE_HOME/dbgate, likewise.
std::string cache_directory();
/// $XDG_RUNTIME_DIR/dbgate, else a private directory under the temporary one; mode 0700.
std::string runtime_directory();
/// Makes a directory of mode 0700 with those above it. Throws Problem if it is somebody else's.
std::string made_private(const std::string& path);

/// The whole file; empty if there is none. Throws Problem if others can read or own it, or if it is a symbolic link: a
/// secret may stand in it.
std::string read_private_file(const std::string& path);
/// The whole file; empty if there is none. Throws Problem if others can write or own it: what it says is obeyed.
std::string read_trusted_file(const std::string& path);
/// Writes a file of mode 0600 beside `path` and renames it, so that readers see the old or the new one. Throws Problem.
void write_private_file(const std::string& path, const std::string& text);

/// Holds a file's lock (flock) against other processes of this user. Waits for it. Throws Problem.
class FileLock {
 public:
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_;
};

}  // namespace dbgate::cli
