#pragma once
#include <atomic>
#include <memory>
#include <optional>

#include "gateway/upstream/connection.h"
#include "gateway/upstream/host_choice.h"

namespace dbgate::upstream {

/// Asks a server, over a connection that is idle, what it is. Errors: what reading and writing say, or the server.
/// The connection is of no further use then.
Task<Result<HostState>> inspect(Connection& connection, std::chrono::milliseconds limit);

/// Whether a connection that has just logged in leads to a standby. Servers say so themselves since version 14; others
/// are asked. Errors: as inspect().
Task<Result<bool>> leads_to_standby(Connection& connection, std::chrono::milliseconds limit);

/// Looks at one host, over a connection of its own that stays open in between: a server that ends is noticed at once.
/// Of one thread, except where stated otherwise.
class HostProbe : public std::enable_shared_from_this<HostProbe> {
 public:
  /// @param spec  with that one host
  HostProbe(net::Executor executor, ServerSpec spec, std::chrono::milliseconds timeout);

  /// Errors: why the host cannot be looked at.
  Task<Result<HostState>> look();
  /// Until it is time to look again: after `interval`, when the server says something by itself or ends, or when
  /// somebody asks for it. Not sooner than a moment after the last look, however many ask.
  Task<> rest(std::chrono::milliseconds interval);
  /// Somebody wants it to be looked at. Any thread.
  void ask();

 private:
  Task<> pause(std::chrono::milliseconds time);

  const net::Executor executor_;
  const ServerSpec spec_;
  const std::chrono::milliseconds timeout_;
  std::optional<Connection> connection_;
  net::Event asked_event_;
  std::atomic<bool> asked_{false};
  std::chrono::steady_clock::time_point looked_{};
};

}  // namespace dbgate::upstream
