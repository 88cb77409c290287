#define OPENSSL_SUPPRESS_DEPRECATED  // as in audit/sha256.cpp
#include "gateway/proof/merkle.h"

#include <openssl/sha.h>

#include <algorithm>
#include <bit>

namespace dbgate::proof {
namespace {

constexpr std::uint8_t leaf_prefix = 0x00;
constexpr std::uint8_t node_prefix = 0x01;

// SHA-256 block by block: texts here have known lengths, and two thirds of the time went into finding them out.
using Block = std::array<std::uint8_t, SHA256_CBLOCK>;

class State {
 public:
  State() noexcept { ::SHA256_Init(&state_); }
  void add(const Block& block) noexcept { ::SHA256_Transform(&state_, block.data()); }
  TreeHash hash() const noexcept {
    TreeHash hash;
    for (std::size_t i = 0; i < hash.size(); ++i)
      hash[i] = static_cast<std::uint8_t>(state_.h[i / 4] >> (24 - 8 * (i % 4)));
    return hash;
  }

 private:
  SHA256_CTX state_;
};

// Padding (FIPS 180-4, 5.1.1) behind the last `used` bytes of a text of `bytes`, fewer than 8192.
void end_message(Block& block, std::size_t used, std::size_t bytes) noexcept {
  block[used] = 0x80;
  block[block.size() - 2] = static_cast<std::uint8_t>(8 * bytes >> 8);
  block[block.size() - 1] = static_cast<std::uint8_t>(8 * bytes & 0xff);
}

/// The way from a node to the root, and on which side of it each step of a proof stands (RFC 9162 §2.1.3.2, 2.1.4.2).
class Climb {
 public:
  Climb(std::uint64_t place, std::uint64_t last) noexcept : place_(place), last_(last) {}
  bool at_root() const noexcept { return last_ == 0; }
  bool is_right() const noexcept { return (place_ & 1) != 0; }
  void up() noexcept {
    place_ >>= 1;
    last_ >>= 1;
  }
  /// Goes to the parent. @return whether the step stands to the left
  bool next() noexcept {
    const bool left = is_right() || place_ == last_;
    // The last node of a level has no neighbour until its place is odd.
    while (left && !is_right() && place_ != 0)
      up();
    up();
    return left;
  }

 private:
  std::uint64_t place_;
  std::uint64_t last_;
};

// The largest power of two below `size`; `size` > 1.
std::uint64_t split_of(std::uint64_t size) {
  return std::bit_floor(size - 1);
}

// The root of the tree over [begin, begin + size): `begin` is a multiple of the power of two from `size` on.
TreeHash root_of(std::uint64_t begin, std::uint64_t size, const SubtreeRoot& subtree) {
  if (std::has_single_bit(size)) return subtree(begin, static_cast<unsigned>(std::countr_zero(size)));
  const std::uint64_t left = split_of(size);
  return node_hash(root_of(begin, left, subtree), root_of(begin + left, size - left, subtree));
}

// PATH(m, D[n]) of the entries from `begin` on.
void add_path(std::vector<TreeHash>& proof, std::uint64_t index, std::uint64_t begin, std::uint64_t size,
              const SubtreeRoot& subtree) {
  if (size == 1) return;
  const std::uint64_t left = split_of(size);
  if (index < left) {
    add_path(proof, index, begin, left, subtree);
    proof.push_back(root_of(begin + left, size - left, subtree));
  } else {
    add_path(proof, index - left, begin + left, size - left, subtree);
    proof.push_back(root_of(begin, left, subtree));
  }
}

// SUBPROOF(m, D[n], known) of the entries from `begin` on.
void add_subproof(std::vector<TreeHash>& proof, std::uint64_t old_size, std::uint64_t begin, std::uint64_t size,
                  bool known, const SubtreeRoot& subtree) {
  if (old_size == size) {
    if (!known) proof.push_back(root_of(begin, size, subtree));
    return;
  }
  const std::uint64_t left = split_of(size);
  if (old_size <= left) {
    add_subproof(proof, old_size, begin, left, known, subtree);
    proof.push_back(root_of(begin + left, size - left, subtree));
  } else {
    add_subproof(proof, old_size - left, begin + left, size - left, false, subtree);
    proof.push_back(root_of(begin, left, subtree));
  }
}

// The value of a hexadecimal digit; 0xff of anything else.
constexpr std::array<std::uint8_t, 256> make_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(0xff);
  for (std::uint8_t i = 0; i < 10; ++i)
    digits[static_cast<std::size_t>('0') + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i)
    digits[static_cast<std::size_t>('a') + i] = static_cast<std::uint8_t>(10 + i);
  return digits;
}
constexpr std::array<std::uint8_t, 256> digits = make_digits();

}  // namespace

TreeHash leaf_hash(const TreeHash& entry) noexcept {
  Block block{leaf_prefix};
  std::copy(entry.begin(), entry.end(), block.begin() + 1);
  end_message(block, 1 + entry.size(), 1 + entry.size());
  State state;
  state.add(block);
  return state.hash();
}

TreeHash node_hash(const TreeHash& left, const TreeHash& right) noexcept {
  Block first{node_prefix};
  std::copy(left.begin(), left.end(), first.begin() + 1);
  std::copy(right.begin(), right.end() - 1, first.begin() + 1 + left.size());
  Block second{right.back()};
  end_message(second, 1, 1 + 2 * left.size());
  State state;
  state.add(first);
  state.add(second);
  return state.hash();
}

TreeHash empty_root() noexcept {
  TreeHash hash;
  ::SHA256(nullptr, 0, hash.data());
  return hash;
}

Frontier::Frontier(std::uint64_t size, std::vector<TreeHash> peaks) {
  if (static_cast<std::size_t>(std::popcount(size)) != peaks.size()) return;
  size_ = size;
  peaks_ = std::move(peaks);
}

void Frontier::add_subtree(TreeHash hash, unsigned level) {
  // Each subtree of the same height in front of it makes one that is twice as large.
  for (std::uint64_t bit = std::uint64_t{1} << level; (size_ & bit) != 0; bit <<= 1) {
    hash = node_hash(peaks_.back(), hash);
    peaks_.pop_back();
  }
  peaks_.push_back(hash);
  size_ += std::uint64_t{1} << level;
}

TreeHash Frontier::root() const noexcept {
  if (peaks_.empty()) return empty_root();
  TreeHash root = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i-- > 0;)
    root = node_hash(peaks_[i], root);
  return root;
}

std::vector<TreeHash> inclusion_proof(std::uint64_t index, std::uint64_t size, const SubtreeRoot& subtree) {
  std::vector<TreeHash> proof;
  add_path(proof, index, 0, size, subtree);
  return proof;
}

std::vector<TreeHash> consistency_proof(std::uint64_t old_size, std::uint64_t size, const SubtreeRoot& subtree) {
  std::vector<TreeHash> proof;
  if (old_size != 0) add_subproof(proof, old_size, 0, size, true, subtree);
  return proof;
}

bool proves_inclusion(const TreeHash& entry, std::uint64_t index, std::uint64_t size,
                      const std::vector<TreeHash>& proof, const TreeHash& root) {
  if (index >= size) return false;
  Climb climb(index, size - 1);
  TreeHash hash = leaf_hash(entry);
  for (const TreeHash& step : proof) {
    if (climb.at_root()) return false;
    hash = climb.next() ? node_hash(step, hash) : node_hash(hash, step);
  }
  return climb.at_root() && hash == root;
}

bool proves_consistency(std::uint64_t old_size, const TreeHash& old_root, std::uint64_t size, const TreeHash& root,
                        const std::vector<TreeHash>& proof) {
  if (old_size > size) return false;
  if (old_size == size) return proof.empty() && old_root == root;
  if (old_size == 0) return proof.empty() && old_root == empty_root();
  std::size_t at = 0;
  TreeHash old_hash = old_root;
  if (!std::has_single_bit(old_size)) {
    if (proof.empty()) return false;
    old_hash = proof[at++];
  }
  TreeHash new_hash = old_hash;
  Climb climb(old_size - 1, size - 1);
  while (climb.is_right())
    climb.up();
  for (; at < proof.size(); ++at) {
    if (climb.at_root()) return false;
    const TreeHash& step = proof[at];
    if (climb.next()) {
      old_hash = node_hash(step, old_hash);
      new_hash = node_hash(step, new_hash);
    } else {
      new_hash = node_hash(new_hash, step);
    }
  }
  return climb.at_root() && old_hash == old_root && new_hash == root;
}

bool read_hex(std::string_view hex, TreeHash& hash) noexcept {
  if (hex.size() != 2 * hash.size()) return false;
  unsigned bad = 0;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const unsigned high = digits[static_cast<unsigned char>(hex[2 * i])];
    const unsigned low = digits[static_cast<unsigned char>(hex[2 * i + 1])];
    bad |= high | low;
    hash[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return (bad & 0xf0) == 0;
}

}  // namespace dbgate::proof
