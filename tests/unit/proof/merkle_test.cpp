#include "gateway/proof/merkle.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <string>

namespace dbgate::proof {
namespace {

TreeHash entry_of(std::uint64_t number) {
  TreeHash entry{};
  const std::string text = "record " + std::to_string(number);
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), entry.data());
  return entry;
}

std::string hex(const TreeHash& hash) {
  std::string text;
  for (const std::uint8_t byte : hash) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// The definition of RFC 6962 §2.1, word for word.
TreeHash defined_root(std::uint64_t begin, std::uint64_t size) {
  if (size == 0) return empty_root();
  if (size == 1) return leaf_hash(entry_of(begin));
  std::uint64_t split = 1;
  while (split * 2 < size)
    split *= 2;
  return node_hash(defined_root(begin, split), defined_root(begin + split, size - split));
}

TreeHash subtree(std::uint64_t begin, unsigned level) {
  return defined_root(begin, std::uint64_t{1} << level);
}

TEST(Merkle, TheHashesAreThoseOfOtherLogs) {
  EXPECT_EQ(hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // echo -en '\0' and 32 zeros | sha256sum; with \1 and twice that many
  EXPECT_EQ(hex(leaf_hash(TreeHash{})), "7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9");
  EXPECT_EQ(hex(node_hash(TreeHash{}, TreeHash{})), "ae0798d0ecaed2b778eddebf18f071a561c53658c05e76cedecc27cafbdbc577");
}

TEST(Merkle, AFrontierHasTheRootOfItsEntries) {
  Frontier frontier;
  for (std::uint64_t size = 0; size < 70; ++size) {
    EXPECT_EQ(frontier.root(), defined_root(0, size)) << size;
    frontier.add(entry_of(size));
  }
}

TEST(Merkle, AFrontierGoesOnFromItsPeaks) {
  Frontier whole;
  for (std::uint64_t i = 0; i < 21; ++i)
    whole.add(entry_of(i));
  Frontier rest(whole.size(), whole.peaks());
  for (std::uint64_t i = 21; i < 40; ++i) {
    whole.add(entry_of(i));
    rest.add(entry_of(i));
  }
  EXPECT_EQ(rest.root(), whole.root());
  EXPECT_EQ(Frontier(3, {TreeHash{}}).size(), 0U);
}

TEST(Merkle, SubtreesMayBeAddedWhole) {
  Frontier frontier;
  frontier.add_subtree(subtree(0, 4), 4);
  frontier.add_subtree(subtree(16, 2), 2);
  frontier.add(entry_of(20));
  EXPECT_EQ(frontier.size(), 21U);
  EXPECT_EQ(frontier.root(), defined_root(0, 21));
}

TEST(Merkle, EachEntryIsProvedInEachTreeAndNoOther) {
  for (std::uint64_t size = 1; size <= 33; ++size) {
    const TreeHash root = defined_root(0, size);
    for (std::uint64_t index = 0; index < size; ++index) {
      const std::vector<TreeHash> proof = inclusion_proof(index, size, subtree);
      EXPECT_TRUE(proves_inclusion(entry_of(index), index, size, proof, root)) << index << " of " << size;
      EXPECT_FALSE(proves_inclusion(entry_of(index + 1), index, size, proof, root));
      if (size > 1) {
        EXPECT_FALSE(proves_inclusion(entry_of(index), (index + 1) % size, size, proof, root));
      }
      for (std::size_t i = 0; i < proof.size(); ++i) {
        std::vector<TreeHash> other = proof;
        other[i][7] ^= 1;
        EXPECT_FALSE(proves_inclusion(entry_of(index), index, size, other, root));
      }
      std::vector<TreeHash> longer = proof;
      longer.push_back(root);
      EXPECT_FALSE(proves_inclusion(entry_of(index), index, size, longer, root));
    }
    EXPECT_FALSE(proves_inclusion(entry_of(0), size, size, {}, root));
  }
}

TEST(Merkle, EachTreeIsProvedTheStartOfEachLargerOneAndNoOther) {
  for (std::uint64_t size = 0; size <= 33; ++size) {
    const TreeHash root = defined_root(0, size);
    for (std::uint64_t old_size = 0; old_size <= size; ++old_size) {
      const TreeHash old_root = defined_root(0, old_size);
      const std::vector<TreeHash> proof = consistency_proof(old_size, size, subtree);
      EXPECT_TRUE(proves_consistency(old_size, old_root, size, root, proof)) << old_size << " in " << size;
      TreeHash other = old_root;
      other[0] ^= 1;
      EXPECT_FALSE(proves_consistency(old_size, other, size, root, proof));
      other = root;
      other[31] ^= 1;
      if (old_size != 0) {
        EXPECT_FALSE(proves_consistency(old_size, old_root, size, other, proof));
      }
      for (std::size_t i = 0; i < proof.size(); ++i) {
        std::vector<TreeHash> changed = proof;
        changed[i][7] ^= 1;
        EXPECT_FALSE(proves_consistency(old_size, old_root, size, root, changed));
      }
    }
    EXPECT_FALSE(proves_consistency(size + 1, root, size, root, {}));
  }
}

TEST(Merkle, HexadecimalIsReadStrictly) {
  TreeHash hash{};
  EXPECT_TRUE(read_hex(hex(entry_of(3)), hash));
  EXPECT_EQ(hash, entry_of(3));
  EXPECT_FALSE(read_hex(std::string(63, '0'), hash));
  EXPECT_FALSE(read_hex(std::string(64, 'A'), hash));
  EXPECT_FALSE(read_hex(std::string(65, '0'), hash));
}

}  // namespace
}  // namespace dbgate::proof
