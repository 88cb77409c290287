#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/audit/verify.h"
#include "gateway/proof/note.h"

namespace dbgate::proof {

/// A checkpoint to hold a log against, and where it is from: a file's name.
struct Witnessed {
  std::string source;
  Note note;
};

/// What an offline check of a log directory found, signatures and all.
struct ProofReport {
  audit::VerifyReport log;  ///< its problems include those of checkpoints
  std::uint64_t checkpoints = 0;
  std::uint64_t out_of_reach = 0;  ///< checkpoints of records that were removed: nothing is left to hold them against
  std::uint64_t unsigned_records = 0;  ///< behind the last checkpoint of their chain
  bool signatures_checked = false;
};

/// audit::verify_directory(), and that the records are those that the checkpoints beside them, and `others` kept
/// elsewhere, were signed for.
///
/// @param key  whose checkpoints they are; without it their signatures are not looked at, and whoever can write to the
///             directory can have made them. With it, a chain without a checkpoint is a problem too, and so are records
///             that are missing at the beginning of a chain without the key's signature under that.
ProofReport prove_directory(const std::string& directory, const std::optional<Key>& key,
                            const std::vector<Witnessed>& others);

std::string checkpoint_path(const std::string& directory, const std::string& chain);
/// The chain that a checkpoint is about; empty if its origin is no chain of a gateway.
std::string chain_of(const Checkpoint& checkpoint);

}  // namespace dbgate::proof
