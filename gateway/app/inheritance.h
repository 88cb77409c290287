#pragma once
#include <map>
#include <string>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/net/listener.h"

namespace dbgate::app {

/// What the process before this one has left to it in a handover, and sockets that systemd has bound
/// (sd_listen_fds(3)). Descriptors are this object's until they are taken.
class Inheritance {
 public:
  /// What goes with a handover besides sockets.
  struct Succession {
    int link = -1;  ///< to the process before, SOCK_SEQPACKET
    int lock = -1;  ///< of its audit log, held together with it
    /// Of the processes that may still be there, one number each: chains of the audit log are named by it.
    std::vector<unsigned> generations;
    std::size_t older = 0;  ///< processes that are there
  };
  /// A socket that listens, by the name under which the next process looks for it.
  using Sockets = std::map<std::string, int>;

  Inheritance() = default;
  ~Inheritance();
  Inheritance(Inheritance&& other) noexcept;
  Inheritance& operator=(Inheritance&&) = delete;

  /// Reads the environment and takes away from there what it has read. Before there are threads. Errors: a variable
  /// that says something else than such a process would.
  static Result<Inheritance> take();
  /// What a process says to the next one, `NAME=value` for its environment.
  static std::string environment(const Succession& succession, const Sockets& sockets);

  bool handed_over() const noexcept { return handed_over_; }
  const Succession& succession() const noexcept { return succession_; }
  /// The first that none of them has.
  unsigned free_generation() const;
  int take_link() noexcept;
  int take_lock() noexcept;
  /// The socket of that name, if it listens where the configuration says; what systemd has bound is taken as it is.
  /// -1: there is none.
  int take_socket(const std::string& name, const net::ListenAddress& where);

 private:
  Succession succession_;
  Sockets sockets_;
  bool handed_over_ = false;
  bool systemd_ = false;
};

}  // namespace dbgate::app
