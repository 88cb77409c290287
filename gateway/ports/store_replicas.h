#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"

/// What the gateways on one store know of each other. Errors are those of ports/store.h.
namespace dbgate::ports::store {

/// A gateway, as it said last.
struct Replica {
  std::string id;          ///< rpl_…, another one at every start
  std::int64_t beats = 0;  ///< grows with all that it says
  std::string state;       ///< JSON: what the others count with
};

/// From one gateway to another; read once.
struct ReplicaMessage {
  std::string id;  ///< msg_…
  std::string recipient;
  std::string body;  ///< sealed while it lies in the store
};

/// Tells when something may have been written by anybody. For one thread.
class StoreSignal {
 public:
  virtual ~StoreSignal() = default;
  /// Returns at the next announcement, after `limit` or a little earlier. @return whether there was an announcement
  virtual Result<bool> wait(std::chrono::milliseconds limit) = 0;
};

class Replicas {
 public:
  virtual ~Replicas() = default;
  /// Says that a gateway is there, and in which state. @param wake  whether the others should hear of it at once
  virtual Result<> say(std::string_view id, std::string_view state, bool wake) = 0;
  /// By id.
  virtual Result<std::vector<Replica>> list() = 0;
  /// Removes one, with what was meant for it. @param beats  only if it has said nothing since; 0: whatever it said
  virtual Result<> forget(std::string_view id, std::int64_t beats) = 0;

  /// All of them or none; their recipients are woken.
  virtual Result<> send(std::span<const ReplicaMessage> messages) = 0;
  /// Reads and deletes in one step. One that no key opens is left out.
  virtual Result<std::vector<ReplicaMessage>> take(std::string_view recipient) = 0;
  /// Takes back what nobody has read yet.
  virtual Result<> withdraw(std::span<const ReplicaMessage> messages) = 0;

  /// A secret that all gateways on the store have. Of several candidates the first stays.
  virtual Result<std::string> secret(std::string_view name, std::string_view candidate) = 0;
  /// With a connection of its own; must not outlive the store.
  virtual Result<std::unique_ptr<StoreSignal>> signal() = 0;
};

}  // namespace dbgate::ports::store
