#pragma once
#include <cstdint>
#include <stop_token>
#include <string>

namespace dbgate::ports {

/// What a witness made of a checkpoint.
struct Witnessing {
  enum class Outcome : std::uint8_t {
    taken,
    failed,   ///< not now; it comes again
    conflict  ///< it has one that this log does not lead to: records were cut off, or are others
  };
  Outcome outcome = Outcome::failed;
  std::string why = {};       ///< of the last two; without secrets
  std::string cosigned = {};  ///< the checkpoint with the witness's own signature, if it gives one
};

/// Somebody outside who keeps checkpoints of the audit log. Used by one thread, which it may keep waiting.
class CheckpointWitness {
 public:
  virtual ~CheckpointWitness() = default;
  /// @param note  the last signed checkpoint of the chain, as it is kept
  virtual Witnessing give(const std::string& chain, const std::string& note, const std::stop_token& stop) = 0;
};

}  // namespace dbgate::ports
