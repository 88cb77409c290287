#include "gateway/proof/prove.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "gateway/proof/removal.h"
#include "gateway/proof/tree_file.h"

namespace dbgate::proof {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "audit-";
constexpr std::string_view suffix = ".checkpoint";

// What somebody has signed of a chain.
struct Claim {
  std::string source;
  Checkpoint checkpoint;
  bool met = false;  ///< the log has had as many records
  bool true_so = false;
  bool gone = false;  ///< it is of records that were removed
};

struct ChainProof {
  std::vector<Claim> claims;  ///< by size
  std::size_t next = 0;       ///< the first that has not been met
  std::vector<Block> blocks;  ///< of the tree file
  bool refuted = false;       ///< the note of what was removed is not to be believed
  std::uint64_t removed = 0;  ///< so many of its first records are in the frontier and not in the log
  Frontier frontier;
  Frontier block;             ///< over the records of the block under way
  std::string block_place;    ///< of its first record
  std::uint64_t differs = 0;  ///< the first block that is not the one of the tree file, from 1; 0: none
  std::string differs_at;
};

class Prover {
 public:
  Prover(const std::string& directory, const std::optional<Key>& key) : directory_(directory), key_(key) {}

  ProofReport run(const std::vector<Witnessed>& others) {
    // Checkpoints first: what is signed is in the segments.
    read_checkpoints();
    for (const Witnessed& witnessed : others)
      add(witnessed.source, witnessed.note, chain_of(witnessed.note.checkpoint));
    for (auto& [name, chain] : chains_)
      prepare(name, chain);
    report_.log = audit::verify_directory(
        directory_, [this](const audit::SeenRecord& record) { take(record); },
        [this](const std::string& chain) { return removed_now(chain); });
    for (const auto& [name, chain] : chains_)
      conclude(name, chain);
    std::vector<std::string>& all = report_.log.problems;
    all.insert(all.end(), problems_.begin(), problems_.end());
    report_.signatures_checked = key_.has_value();
    return std::move(report_);
  }

 private:
  void problem(const std::string& place, const std::string& what) { problems_.push_back(place + ": " + what); }

  void read_checkpoints() {
    std::error_code failed;
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_, failed))
      names.insert(entry.path().filename().string());
    for (const std::string& name : names) {
      if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
      std::ifstream stream(directory_ + "/" + name, std::ios::binary);
      std::ostringstream text;
      text << stream.rdbuf();
      const auto note = read_note(text.str());
      if (note)
        add(name, *note, name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
      else
        problem(name, note.error().message());
    }
    for (const audit::SegmentFile& segment : audit::list_segments(directory_))
      chains_[segment.chain];
  }

  void add(const std::string& source, const Note& note, const std::string& chain) {
    if (chain.empty() || chain_of(note.checkpoint) != chain)
      return problem(source, "is about " + note.checkpoint.origin + ", which is another log");
    if (key_ && !is_signed_by(note, *key_)) return problem(source, "is not signed by the key that was given");
    ++report_.checkpoints;
    chains_[chain].claims.push_back({source, note.checkpoint});
    if (log_.empty()) log_ = note.checkpoint.origin.substr(0, note.checkpoint.origin.size() - chain.size());
    if (log_ + chain != note.checkpoint.origin) problem(source, "is about a chain of another gateway's log");
  }

  void prepare(const std::string& name, ChainProof& chain) {
    std::stable_sort(chain.claims.begin(), chain.claims.end(),
                     [](const Claim& a, const Claim& b) { return a.checkpoint.size < b.checkpoint.size; });
    auto blocks = read_tree(tree_path(directory_, name));
    if (blocks)
      chain.blocks = std::move(*blocks);
    else
      problem("audit-" + name + ".tree", blocks.error().message());
    meet(chain);
  }

  // Before a chain is read, and when segments have gone since.
  std::optional<audit::Removed> removed_now(const std::string& name) {
    ChainProof& chain = chains_[name];
    if (chain.refuted) return {};
    const auto read = load_removal(directory_, name);
    if (!read) return refute(chain, name, read.error().message());
    if (!*read) return {};
    const Removal& removal = (*read)->removal;
    if (removal.checkpoint.size > chain.removed && !begin_behind(name, **read, chain)) return {};
    return audit::Removed{removal.checkpoint.size, removal.last_hash, removal.segment};
  }

  std::nullopt_t refute(ChainProof& chain, const std::string& name, const std::string& why) {
    chain.refuted = true;
    problem("audit-" + name + ".removed", why);
    return std::nullopt;
  }

  // The tree goes on behind what retention has removed.
  bool begin_behind(const std::string& name, const RemovalNote& read, ChainProof& chain) {
    const Removal& removal = read.removal;
    const auto fails = [&](const std::string& why) {
      refute(chain, name, why);
      return false;
    };
    if (key_ && !is_signed_by(read.note, *key_)) return fails("is not signed by the key that was given");
    if (!log_.empty() && log_ + name != removal.checkpoint.origin)
      return fails("is about a chain of another gateway's log");
    auto blocks = read_tree(tree_path(directory_, name));  // it has grown since, maybe
    if (blocks && blocks->size() > chain.blocks.size()) chain.blocks = std::move(*blocks);
    auto tree = tree_of(removal, chain.blocks);
    if (!tree) return fails(tree.error().message());
    chain.frontier = std::move(*tree);
    chain.removed = removal.checkpoint.size;
    chain.block = {};
    for (const TreeHash& leaf : removal.leaves)
      chain.block.add_subtree(leaf, 0);
    chain.block_place = "what was removed";
    for (; chain.next < chain.claims.size(); ++chain.next) {
      Claim& claim = chain.claims[chain.next];
      if (claim.checkpoint.size >= chain.removed) break;
      hold_against_tree(chain, claim);
    }
    meet(chain);
    return true;
  }

  // Of a checkpoint from before a removal only whole blocks are left to hold it against.
  static void hold_against_tree(const ChainProof& chain, Claim& claim) {
    claim.gone = claim.checkpoint.size % block_records != 0;
    claim.met = true;
    Frontier tree;
    for (std::uint64_t i = 0; i < claim.checkpoint.size / block_records; ++i)
      tree.add_subtree(chain.blocks[i].root, block_level);
    claim.true_so = !claim.gone && claim.checkpoint.root == tree.root();
  }

  static void meet(ChainProof& chain) {
    for (; chain.next < chain.claims.size(); ++chain.next) {
      Claim& claim = chain.claims[chain.next];
      if (claim.checkpoint.size != chain.frontier.size()) return;
      claim.met = true;
      claim.true_so = claim.checkpoint.root == chain.frontier.root();
    }
  }

  void take(const audit::SeenRecord& record) {
    ChainProof& chain = chains_[std::string(record.chain)];
    TreeHash hash{};
    if (!read_hex(record.hash, hash)) return;  // verification says so
    if (record.sequence <= chain.removed) return;
    if (chain.block.size() == 0) chain.block_place = record.place;
    chain.frontier.add(hash);
    chain.block.add(hash);
    if (chain.block.size() == block_records) {
      const std::uint64_t number = chain.frontier.size() / block_records;
      const bool known = number <= chain.blocks.size();
      if (known && chain.differs == 0 && chain.blocks[number - 1].root != chain.block.root()) {
        chain.differs = number;
        chain.differs_at = chain.block_place;
      }
      chain.block = {};
    }
    meet(chain);
  }

  // What is known of where records that were signed begin to differ.
  static std::string whereabouts(const ChainProof& chain, const Claim& broken) {
    std::uint64_t good = 0;
    for (const Claim& claim : chain.claims) {
      if (claim.true_so && claim.checkpoint.size < broken.checkpoint.size) good = std::max(good, claim.checkpoint.size);
    }
    std::uint64_t last = broken.checkpoint.size;
    std::string at;
    if (chain.differs != 0 && chain.differs * block_records > good) {
      good = std::max(good, (chain.differs - 1) * block_records);
      last = std::min(last, chain.differs * block_records);
      at = " (from " + chain.differs_at + " on)";
    }
    return "the first that differs is one of " + std::to_string(good + 1) + " to " + std::to_string(last) + at;
  }

  void conclude(const std::string& name, const ChainProof& chain) {
    const std::uint64_t records = chain.frontier.size();
    std::uint64_t signed_records = 0;
    for (const Claim& claim : chain.claims) {
      const std::uint64_t size = claim.checkpoint.size;
      if (claim.gone) {
        ++report_.out_of_reach;
      } else if (claim.true_so) {
        signed_records = std::max(signed_records, size);
      } else if (!claim.met) {
        problem(claim.source, "was signed for " + std::to_string(size) + " records of chain " + name + ", which has " +
                                  std::to_string(records) + ": the others were cut off");
      } else {
        problem(claim.source, "was signed for other records of chain " + name + " than its first " +
                                  std::to_string(size) + "; " + whereabouts(chain, claim));
      }
    }
    if (key_ && chain.claims.empty() && records != 0) problem("audit-" + name + std::string(suffix), "is missing");
    report_.unsigned_records += records - std::min(records, signed_records);
  }

  const std::string& directory_;
  const std::optional<Key>& key_;
  ProofReport report_;
  std::vector<std::string> problems_;
  std::map<std::string, ChainProof> chains_;
  std::string log_;  ///< what the origins of all its chains begin with
};

}  // namespace

ProofReport prove_directory(const std::string& directory, const std::optional<Key>& key,
                            const std::vector<Witnessed>& others) {
  return Prover(directory, key).run(others);
}

std::string checkpoint_path(const std::string& directory, const std::string& chain) {
  return directory + "/" + std::string(prefix) + chain + std::string(suffix);
}

std::string chain_of(const Checkpoint& checkpoint) {
  const std::string& origin = checkpoint.origin;
  const std::size_t slash = origin.rfind('/');
  if (!origin.starts_with("dbgate/") || slash == 6) return {};
  return origin.substr(slash + 1);
}

}  // namespace dbgate::proof
