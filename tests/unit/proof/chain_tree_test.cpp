#include "gateway/proof/chain_tree.h"

#include <gtest/gtest.h>

#include "tests/unit/proof/written_log.h"

namespace dbgate::proof {
namespace {

const std::atomic<bool> never{false};

// What a tree file would have.
struct Kept {
  std::vector<Block> blocks;
  Result<> operator()(const Block& block) {
    blocks.push_back(block);
    return boost::system::in_place_value;
  }
};

class ChainTrees : public ::testing::Test {
 protected:
  Result<> follow(ChainTree& tree) {
    return tree.follow(never, [this](const Block& block) { return kept_(block); });
  }
  void keep() {
    std::string bytes(tree_file_start);
    for (const Block& block : kept_.blocks)
      bytes += bytes_of(block);
    write_file(tree_path(log_.directory(), "w0"), bytes);
  }

  WrittenLog log_;
  Kept kept_;
};

TEST_F(ChainTrees, GrowWithTheirSegments) {
  ChainTree tree(log_.directory(), "w0", {});
  Frontier expected;
  ASSERT_TRUE(follow(tree));
  EXPECT_EQ(tree.size(), 0U);
  for (const int count : {1, 254, 1, 1, 300, 512}) {
    for (const TreeHash& hash : log_.add("w0", count))
      expected.add(hash);
    const auto followed = follow(tree);
    ASSERT_TRUE(followed) << followed.error().message();
    EXPECT_EQ(tree.size(), expected.size());
    EXPECT_EQ(tree.root(), expected.root());
  }
  EXPECT_EQ(kept_.blocks.size(), 1069 / block_records);
}

TEST_F(ChainTrees, GoOnInTheNextSegment) {
  ChainTree tree(log_.directory(), "w0", {});
  Frontier expected;
  for (int i = 0; i < 5; ++i) {
    for (const TreeHash& hash : log_.add("w0", 130))
      expected.add(hash);
    log_.turn("w0");
    ASSERT_TRUE(follow(tree));
  }
  EXPECT_EQ(tree.size(), 650U);
  EXPECT_EQ(tree.root(), expected.root());
}

TEST_F(ChainTrees, GoOnFromTheirBlocks) {
  log_.add("w0", 600);
  ChainTree first(log_.directory(), "w0", {});
  ASSERT_TRUE(follow(first));
  log_.add("w0", 600);
  ASSERT_TRUE(follow(first));
  Kept again = kept_;
  again.blocks.resize(2);
  ChainTree second(log_.directory(), "w0", again.blocks);
  ASSERT_TRUE(second.follow(never, [&](const Block& block) { return again(block); }));
  EXPECT_EQ(second.root(), first.root());
  ASSERT_EQ(again.blocks.size(), kept_.blocks.size());
  EXPECT_EQ(again.blocks.back().place, kept_.blocks.back().place);
}

TEST_F(ChainTrees, TakeNoLineThatIsNotWhole) {
  log_.add("w0", 3);
  const std::string path = log_.segment("w0");
  const std::string text = read_file(path);
  write_file(path, text.substr(0, text.size() - 1));
  ChainTree tree(log_.directory(), "w0", {});
  ASSERT_TRUE(follow(tree));
  EXPECT_EQ(tree.size(), 2U);
  write_file(path, text);
  ASSERT_TRUE(follow(tree));
  EXPECT_EQ(tree.size(), 3U);
}

TEST_F(ChainTrees, RefuseWhatIsMissingOrNoRecord) {
  log_.add("w0", 5);
  const std::string path = log_.segment("w0");
  const std::string text = read_file(path);
  const std::size_t second = text.find('\n') + 1;
  write_file(path, text.substr(0, second) + text.substr(text.find('\n', second) + 1));
  ChainTree gap(log_.directory(), "w0", {});
  const auto missing = follow(gap);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message(), "record 2 of audit chain w0 is missing: 3 stands in its place");
  write_file(path, text.substr(0, second) + "{}\n");
  ChainTree other(log_.directory(), "w0", {});
  const auto none = follow(other);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), sqlstate::data_corrupted);
}

TEST_F(ChainTrees, RefuseOtherRecordsThanTheirLastBlockWasMadeOf) {
  log_.add("w0", 256);
  ChainTree first(log_.directory(), "w0", {});
  ASSERT_TRUE(follow(first));
  kept_.blocks.back().root[3] ^= 1;
  ChainTree second(log_.directory(), "w0", kept_.blocks);
  const auto followed = follow(second);
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().message(), "records 1 to 256 of audit chain w0 are not those that its tree was made of");
}

TEST_F(ChainTrees, ProveEachRecordAndEachStartFromFiles) {
  const std::vector<TreeHash> hashes = log_.add("w0", 700);
  log_.turn("w0");
  const std::vector<TreeHash> more = log_.add("w0", 77);
  std::vector<TreeHash> all = hashes;
  all.insert(all.end(), more.begin(), more.end());
  ChainTree tree(log_.directory(), "w0", {});
  ASSERT_TRUE(follow(tree));
  kept_.blocks.pop_back();  // a file may be behind
  keep();
  const auto recorded = RecordedTree::open(log_.directory(), "w0");
  ASSERT_TRUE(recorded) << recorded.error().message();
  EXPECT_EQ(recorded->size(), all.size());
  Frontier frontier;
  for (std::uint64_t size = 0; size <= all.size(); ++size) {
    if (size % 97 == 0 || size == all.size()) {
      const auto root = recorded->root(size);
      ASSERT_TRUE(root);
      EXPECT_EQ(*root, frontier.root()) << size;
      const auto consistent = recorded->consistency(size, all.size());
      ASSERT_TRUE(consistent);
      EXPECT_TRUE(proves_consistency(size, *root, all.size(), tree.root(), *consistent)) << size;
    }
    if (size < all.size()) frontier.add(all[size]);
  }
  for (const std::uint64_t index : {0U, 255U, 256U, 511U, 512U, 699U, 700U, 776U}) {
    const auto proof = recorded->inclusion(index, all.size());
    ASSERT_TRUE(proof);
    EXPECT_TRUE(proves_inclusion(all[index], index, all.size(), *proof, tree.root())) << index;
  }
  EXPECT_FALSE(recorded->root(all.size() + 1));
  EXPECT_FALSE(recorded->inclusion(all.size(), all.size()));
  EXPECT_FALSE(recorded->consistency(all.size() + 1, all.size()));
}

}  // namespace
}  // namespace dbgate::proof
