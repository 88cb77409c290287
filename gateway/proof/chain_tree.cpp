#include "gateway/proof/chain_tree.h"

#include "gateway/proof/removal.h"

namespace dbgate::proof {
namespace {

Place start_of(const std::vector<Block>& blocks) {
  return blocks.empty() ? Place() : blocks.back().place;
}

Error missing(const std::string& chain, std::uint64_t expected, std::uint64_t found) {
  return {sqlstate::data_corrupted, "record " + std::to_string(expected) + " of audit chain " + chain +
                                        " is missing: " + std::to_string(found) + " stands in its place"};
}

// The root over 2^level hashes.
TreeHash fold(std::vector<TreeHash> hashes) {
  while (hashes.size() > 1) {
    for (std::size_t i = 0; i < hashes.size() / 2; ++i)
      hashes[i] = node_hash(hashes[2 * i], hashes[2 * i + 1]);
    hashes.resize(hashes.size() / 2);
  }
  return hashes.front();
}

}  // namespace

ChainTree::ChainTree(std::string directory, std::string chain, const std::vector<Block>& blocks)
    : chain_(chain), begun_at_(start_of(blocks)), entries_(std::move(directory), std::move(chain), begun_at_) {
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i)
    blocks_.add_subtree(blocks[i].root, block_level);
  if (!blocks.empty()) expected_ = blocks.back().root;
}

Frontier ChainTree::with(const Frontier& begun) const {
  Frontier whole = blocks_;
  std::size_t at = 0;
  for (unsigned level = block_level; level-- > 0;) {
    if ((begun.size() >> level & 1) != 0) whole.add_subtree(begun.peaks()[at++], level);
  }
  return whole;
}

Result<> ChainTree::close_block(const std::function<Result<>(const Block&)>& full) {
  const Block block{begun_.root(), begun_at_};
  if (expected_ && *expected_ != block.root)
    return Error{sqlstate::data_corrupted, "records " + std::to_string(blocks_.size() + 1) + " to " +
                                               std::to_string(size()) + " of audit chain " + chain_ +
                                               " are not those that its tree was made of"};
  if (!expected_) DBGATE_CHECK(full(block));
  expected_.reset();
  blocks_.add_subtree(block.root, block_level);
  begun_ = {};
  return boost::system::in_place_value;
}

// That it follows the last one: by its number where a block begins, by hashes within.
Result<> ChainTree::check_place(const Entry& entry) const {
  if (begun_.size() != 0 && entry.hex.prev_hash == last_hex_) return boost::system::in_place_value;
  const std::uint64_t sequence = entry.sequence();
  if (sequence != size() + 1) return missing(chain_, size() + 1, sequence);
  if (begun_.size() == 0) return boost::system::in_place_value;
  return Error{sqlstate::data_corrupted, "record " + std::to_string(sequence) + " of audit chain " + chain_ +
                                             " does not follow the one before it"};
}

Result<> ChainTree::follow(const std::atomic<bool>& stop, const std::function<Result<>(const Block&)>& full) {
  while (!stop) {
    DBGATE_TRY(const std::optional<Entry> entry, entries_.next());
    if (!entry) break;
    DBGATE_CHECK(check_place(*entry));
    if (begun_.size() == 0) begun_at_ = entry->place;
    begun_.add(entry->hash);
    last_hex_ = entry->hex.hash;
    if (begun_.size() == block_records) DBGATE_CHECK(close_block(full));
  }
  return boost::system::in_place_value;
}

Result<RecordedTree> RecordedTree::open(const std::string& directory, const std::string& chain) {
  RecordedTree tree(directory, chain);
  DBGATE_TRY(tree.blocks_, read_tree(tree_path(directory, chain)));
  // The last one is read again: behind it stands what is in no block.
  const Place from = start_of(tree.blocks_);
  if (!tree.blocks_.empty()) tree.blocks_.pop_back();
  Entries entries(directory, chain, from);
  Place begun = from;
  for (;;) {
    DBGATE_TRY(const std::optional<Entry> entry, entries.next());
    if (!entry) return tree;
    if (entry->sequence() != tree.size() + 1) return missing(chain, tree.size() + 1, entry->sequence());
    if (tree.last_.empty()) begun = entry->place;
    tree.last_.push_back(leaf_hash(entry->hash));
    if (tree.last_.size() < block_records) continue;
    tree.blocks_.push_back({fold(std::move(tree.last_)), begun});
    tree.last_.clear();
  }
}

// The leaves of a whole block.
Result<std::vector<TreeHash>> RecordedTree::leaves(std::uint64_t block) const {
  std::vector<TreeHash> hashes;
  Place from = blocks_[block].place;
  DBGATE_TRY(const auto removed, load_removal(directory_, chain_));
  if (const std::uint64_t gone = removed ? removed->removal.checkpoint.size : 0; gone > block * block_records) {
    if (gone >= (block + 1) * block_records)
      return Error{sqlstate::object_not_in_prerequisite_state,
                   "the first " + std::to_string(gone) + " records of audit chain " + chain_ + " were removed"};
    hashes = removed->removal.leaves;
    from = {removed->removal.segment + 1, 0};
  }
  Entries entries(directory_, chain_, from);
  while (hashes.size() < block_records) {
    DBGATE_TRY(const std::optional<Entry> entry, entries.next());
    const std::uint64_t expected = block * block_records + hashes.size() + 1;
    if (!entry) return missing(chain_, expected, 0);
    if (entry->sequence() != expected) return missing(chain_, expected, entry->sequence());
    hashes.push_back(leaf_hash(entry->hash));
  }
  return hashes;
}

/// What proofs are made of. The first error is kept, and what follows it is worth nothing.
class RecordedTree::Subtrees {
 public:
  explicit Subtrees(const RecordedTree& tree) : tree_(tree) {}

  TreeHash operator()(std::uint64_t begin, unsigned level) {
    const std::uint64_t block = begin >> block_level;
    if (level >= block_level) {
      std::vector<TreeHash> roots;
      for (std::uint64_t i = block; i < block + (std::uint64_t{1} << (level - block_level)); ++i)
        roots.push_back(tree_.blocks_[i].root);
      return fold(std::move(roots));
    }
    const std::vector<TreeHash>& leaves = leaves_of(block);
    if (failed_) return {};
    const auto first = leaves.begin() + static_cast<std::ptrdiff_t>(begin - (block << block_level));
    return fold({first, first + (std::ptrdiff_t{1} << level)});
  }
  template <class T>
  Result<T> result(T proof) {
    if (failed_) return *failed_;
    return proof;
  }

 private:
  const std::vector<TreeHash>& leaves_of(std::uint64_t block) {
    if (block == tree_.blocks_.size()) return tree_.last_;
    if (block != block_ || leaves_.empty()) {
      auto leaves = tree_.leaves(block);
      if (leaves)
        leaves_ = std::move(*leaves);
      else
        failed_ = leaves.error();
      block_ = block;
    }
    return leaves_;
  }

  const RecordedTree& tree_;
  std::uint64_t block_ = 0;
  std::vector<TreeHash> leaves_;
  std::optional<Error> failed_;
};

Result<> RecordedTree::check(std::uint64_t size) const {
  if (size <= this->size()) return boost::system::in_place_value;
  return Error{sqlstate::invalid_parameter_value, "audit chain " + chain_ + " has " + std::to_string(this->size()) +
                                                      " records, not " + std::to_string(size)};
}

Result<TreeHash> RecordedTree::root(std::uint64_t size) const {
  DBGATE_CHECK(check(size));
  Subtrees subtrees(*this);
  Frontier frontier;
  for (unsigned level = 64; level-- > 0;) {
    if ((size >> level & 1) != 0) frontier.add_subtree(subtrees(frontier.size(), level), level);
  }
  return subtrees.result(frontier.root());
}

Result<std::vector<TreeHash>> RecordedTree::inclusion(std::uint64_t index, std::uint64_t size) const {
  DBGATE_CHECK(check(size));
  if (index >= size) return check(this->size() + 1).error();
  Subtrees subtrees(*this);
  return subtrees.result(inclusion_proof(index, size, std::ref(subtrees)));
}

Result<std::vector<TreeHash>> RecordedTree::consistency(std::uint64_t old_size, std::uint64_t size) const {
  DBGATE_CHECK(check(size));
  if (old_size > size) return check(this->size() + 1).error();
  Subtrees subtrees(*this);
  return subtrees.result(consistency_proof(old_size, size, std::ref(subtrees)));
}

}  // namespace dbgate::proof
