#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/proof/entries.h"
#include "gateway/proof/tree_file.h"

namespace dbgate::proof {

/// The tree over the records of a chain, which grows with its segments. What it keeps in memory does not.
class ChainTree {
 public:
  /// @param blocks  of the tree file; the records of the last one are read again
  ChainTree(std::string directory, std::string chain, const std::vector<Block>& blocks);

  /// Adds the records that segments have by now. @param full  takes each block that is new
  /// Errors: 58030; XX001 a record is missing, or those of the last block are not the ones that it was made of. It is
  /// of no use then.
  Result<> follow(const std::atomic<bool>& stop, const std::function<Result<>(const Block&)>& full);
  std::uint64_t size() const noexcept { return blocks_.size() + begun_.size(); }
  TreeHash root() const { return with(begun_).root(); }
  /// Where the next record will stand.
  const Place& place() const noexcept { return entries_.place(); }

 private:
  Frontier with(const Frontier& begun) const;
  Result<> check_place(const Entry& entry) const;
  Result<> close_block(const std::function<Result<>(const Block&)>& full);

  std::string chain_;
  Frontier blocks_;                   ///< over whole blocks
  Frontier begun_;                    ///< of the one that is not whole yet
  Place begun_at_;                    ///< its first record
  std::optional<TreeHash> expected_;  ///< of a block that the file has already
  std::string last_hex_;              ///< the hash of the record before the next
  Entries entries_;
};

/// The tree over the records of a chain as files have it now, for proofs: its blocks are in memory.
class RecordedTree {
 public:
  /// Errors: 58030, XX001 as above.
  static Result<RecordedTree> open(const std::string& directory, const std::string& chain);

  /// As far as whole blocks and segments go.
  std::uint64_t size() const noexcept { return blocks_.size() * block_records + last_.size(); }
  /// Over the first `size` records. Errors: 22023 there are fewer; 58030, XX001.
  Result<TreeHash> root(std::uint64_t size) const;
  /// The record `index`, from 0, is among the first `size`. Errors: as root().
  Result<std::vector<TreeHash>> inclusion(std::uint64_t index, std::uint64_t size) const;
  Result<std::vector<TreeHash>> consistency(std::uint64_t old_size, std::uint64_t size) const;

 private:
  RecordedTree(std::string directory, std::string chain) : directory_(std::move(directory)), chain_(std::move(chain)) {}
  class Subtrees;
  Result<std::vector<TreeHash>> leaves(std::uint64_t block) const;
  Result<> check(std::uint64_t size) const;

  std::string directory_;
  std::string chain_;
  std::vector<Block> blocks_;
  std::vector<TreeHash> last_;  ///< leaves behind the last block
};

}  // namespace dbgate::proof
