#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/proof/note.h"
#include "gateway/proof/tree_file.h"

namespace dbgate::proof {

/// What retention has removed of a chain: its first records. Kept as audit-<chain>.removed: a checkpoint of these
/// records (note.h) with lines of its own behind the time, all of it signed:
///
///   removed <number of the last segment that was removed>
///   last <hash of the last record that was removed, in hexadecimal>
///   leaf <base64>      for each record behind the last whole block of 256, which the tree file does not have
///
/// No checkpoint says `removed`, so that none can be taken for this.
struct Removal {
  Checkpoint checkpoint;  ///< of the records that were removed
  std::uint64_t segment = 0;
  std::string last_hash;
  std::vector<TreeHash> leaves;  ///< leaf hashes: checkpoint.size % 256 of them
};

std::string removal_path(const std::string& directory, const std::string& chain);
std::string sign_removal(const Removal& removal, const Key& key);

struct RemovalNote {
  Removal removal;
  Note note;  ///< to be asked who has signed it
};
/// Errors: 22023 says what is wrong with it. The signature is read, not checked.
Result<RemovalNote> read_removal(std::string_view text);
/// Of a chain of a directory; without a value: nothing was removed. Errors: 58030; 22023, XX001 it is none, or of
/// another chain.
Result<std::optional<RemovalNote>> load_removal(const std::string& directory, const std::string& chain);

/// The tree over what was removed, from which that over all records is made. @param blocks  of the chain's tree file
/// Errors: XX001 they do not lead to what was signed.
Result<Frontier> tree_of(const Removal& removal, const std::vector<Block>& blocks);

}  // namespace dbgate::proof
