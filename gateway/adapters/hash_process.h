#pragma once
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "gateway/adapters/argon2_text.h"
#include "gateway/adapters/posix_file.h"

namespace dbgate::adapters {

/// A process that hashes and does nothing else, with a session of its own. Where the kernel divides the processor among
/// sessions or control groups first (sched(7), "The autogroup feature"), the low priority of a thread counts within its
/// session only: against processes of other sessions, such as a server on the same machine, it competes as this
/// whole process does.
class HashProcess {
 public:
  /// How a hash is made; false if it cannot be. And what is done when there has been none to make for ten seconds.
  using Compute = bool (*)(Argon2Hash& wanted, std::string& password);
  using Rest = void (*)();

  /// Forks: to be called before this process has other threads. Null if there can be no such process.
  static std::unique_ptr<HashProcess> start(Compute compute, Rest rest);
  /// Ends it.
  ~HashProcess();
  HashProcess(const HashProcess&) = delete;
  HashProcess& operator=(const HashProcess&) = delete;

  /// Blocks until it is done. @return whether there is a hash; nothing if the process is gone, or this is too long for
  /// it.
  std::optional<bool> compute(Argon2Hash& wanted, const std::string& password);

 private:
  HashProcess(pid_t pid, File socket) : pid_(pid), socket_(std::move(socket)) {}
  const pid_t pid_;
  File socket_;
};

}  // namespace dbgate::adapters
