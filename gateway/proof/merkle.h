#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

// Merkle trees over the records of a chain, and proofs from them: RFC 6962 §2.1, with SHA-256. The entry of a record is
// its own hash, in 32 bytes, so that nobody has to read a record to add it to a tree.
namespace dbgate::proof {

using TreeHash = std::array<std::uint8_t, 32>;

/// MTH({entry}): SHA-256 of 0x00 and the entry.
TreeHash leaf_hash(const TreeHash& entry) noexcept;
/// SHA-256 of 0x01 and both.
TreeHash node_hash(const TreeHash& left, const TreeHash& right) noexcept;
/// Of the tree without entries: SHA-256 of nothing.
TreeHash empty_root() noexcept;

/// A tree that only grows, as its full subtrees: one hash for each bit that is set in its size.
class Frontier {
 public:
  Frontier() = default;
  /// @param peaks  of the largest subtree first, as many as `size` has bits set; else the frontier is empty
  Frontier(std::uint64_t size, std::vector<TreeHash> peaks);

  void add(const TreeHash& entry) { add_subtree(leaf_hash(entry), 0); }
  /// Adds a full subtree of 2^level entries. size() must be a multiple of that.
  void add_subtree(TreeHash hash, unsigned level);
  std::uint64_t size() const noexcept { return size_; }
  const std::vector<TreeHash>& peaks() const noexcept { return peaks_; }
  TreeHash root() const noexcept;

 private:
  std::uint64_t size_ = 0;
  std::vector<TreeHash> peaks_;  ///< the largest first
};

/// The root of the full subtree over the entries from `begin` (a multiple of 2^level) on, 2^level of them.
using SubtreeRoot = std::function<TreeHash(std::uint64_t begin, unsigned level)>;

/// The audit path of the entry `index` in the tree of the first `size` entries (RFC 6962 §2.1.1), from the leaf
/// upwards. `index` < `size`.
std::vector<TreeHash> inclusion_proof(std::uint64_t index, std::uint64_t size, const SubtreeRoot& subtree);
/// That the tree of `old_size` entries is the start of the one of `size` (RFC 6962 §2.1.2). `old_size` <= `size`;
/// without hashes where nothing has to be proved: 0 entries, or the same.
std::vector<TreeHash> consistency_proof(std::uint64_t old_size, std::uint64_t size, const SubtreeRoot& subtree);

/// Whether the proof leads from the entry to the root (RFC 9162 §2.1.3.2).
bool proves_inclusion(const TreeHash& entry, std::uint64_t index, std::uint64_t size,
                      const std::vector<TreeHash>& proof, const TreeHash& root);
/// Whether the proof leads from the old root to the new one (RFC 9162 §2.1.4.2).
bool proves_consistency(std::uint64_t old_size, const TreeHash& old_root, std::uint64_t size, const TreeHash& root,
                        const std::vector<TreeHash>& proof);

/// The hash that 64 lower-case hexadecimal digits write, as records have it. @return false for anything else
bool read_hex(std::string_view hex, TreeHash& hash) noexcept;

}  // namespace dbgate::proof
