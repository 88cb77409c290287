#include "gateway/adapters/log_retention.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "gateway/adapters/posix_file.h"
#include "gateway/adapters/segment_archive.h"
#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/audit/verify.h"
#include "gateway/base/clock.h"
#include "gateway/proof/chain_tree.h"
#include "gateway/proof/prove.h"

namespace dbgate::adapters {
namespace {

using Clock = std::chrono::steady_clock;
using proof::block_records;

constexpr std::chrono::hours look_again_after{1};

Error damaged(const std::string& chain, const std::string& what) {
  return {sqlstate::data_corrupted, "nothing of audit chain " + chain + " is removed: " + what,
          "see `dbgate audit verify`"};
}

/// Reads records that are to go, and that they are those that were signed.
class Reading {
 public:
  Reading(const std::string& chain, const std::vector<proof::Block>& blocks) : chain_(chain), blocks_(blocks) {}

  Result<> begin_behind(const proof::Removal& removal) {
    DBGATE_TRY(tree_, proof::tree_of(removal, blocks_));
    leaves_ = removal.leaves;
    for (const proof::TreeHash& leaf : leaves_)
      block_.add_subtree(leaf, 0);
    hash_ = removal.last_hash;
    return boost::system::in_place_value;
  }

  Result<> take(const proof::Entry& entry) {
    const audit::SealedLine sealed = audit::read_sealed(entry.line);
    const std::uint64_t expected = tree_.size() + 1;
    if (!sealed.valid || sealed.sequence != expected || sealed.prev_hash != hash_ ||
        audit::sha256_hex(sealed.covered) != sealed.hash)
      return damaged(chain_, "record " + std::to_string(expected) + " is not what was written");
    hash_ = sealed.hash;
    leaves_.push_back(proof::leaf_hash(entry.hash));
    tree_.add(entry.hash);
    block_.add(entry.hash);
    if (block_.size() < block_records) return boost::system::in_place_value;
    const std::uint64_t number = tree_.size() / block_records;
    if (number > blocks_.size() || blocks_[number - 1].root != block_.root())
      return damaged(chain_, "records up to " + std::to_string(expected) + " are not those that were signed");
    leaves_.clear();
    block_ = {};
    return boost::system::in_place_value;
  }

  const proof::Frontier& tree() const noexcept { return tree_; }
  const std::string& hash() const noexcept { return hash_; }
  std::vector<proof::TreeHash> leaves() const { return leaves_; }

 private:
  const std::string& chain_;
  const std::vector<proof::Block>& blocks_;
  proof::Frontier tree_;
  proof::Frontier block_;                ///< over the records behind the last whole block
  std::vector<proof::TreeHash> leaves_;  ///< of the same
  std::string hash_ = std::string(64, '0');
};

// What is recorded is on the disk before anything goes.
Result<> flush_retention_chains(const std::string& directory) {
  for (const audit::SegmentFile& segment : audit::list_segments(directory)) {
    if (!audit::is_retention_chain(segment.chain) || !segment.plain) continue;
    const File file(::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0 && errno == ENOENT) continue;  // compressed since
    if (file.get() < 0 || ::fdatasync(file.get()) != 0) return io_error("cannot flush " + segment.path);
  }
  if (!flush_directory(directory)) return io_error("cannot flush " + directory);
  return boost::system::in_place_value;
}

}  // namespace

// What was removed of the chain before, if it was this gateway that has signed so.
Result<std::optional<proof::Removal>> LogRetention::removed(const std::string& chain) const {
  auto note = proof::load_removal(options_.directory, chain);
  if (!note) return damaged(chain, "its note of what was removed before " + note.error().message());
  if (!*note) return std::optional<proof::Removal>();
  if (!proof::is_signed_by((*note)->note, key_))
    return damaged(chain, "its note of what was removed before is not signed by this gateway's key");
  return std::optional((*note)->removal);
}

// What is signed and in whole blocks of the tree file, and what sinks have. Behind it stands at least one record.
Result<std::uint64_t> LogRetention::first_to_stay(const std::string& chain) const {
  DBGATE_TRY(const auto text, read_small_file(proof::checkpoint_path(options_.directory, chain)));
  DBGATE_TRY(const auto blocks, proof::read_tree(proof::tree_path(options_.directory, chain)));
  const auto note = text ? proof::read_note(*text) : Result<proof::Note>(Error());
  if (!note || blocks.empty() || !proof::is_signed_by(*note, key_)) return std::uint64_t{0};
  const std::uint64_t block = std::min<std::uint64_t>(blocks.size() - 1, note->checkpoint.size / block_records);
  std::uint64_t first = blocks[block].place.segment;
  if (const auto awaited = ties_.awaited(chain)) first = std::min(first, *awaited);
  return first;
}

Result<LogRetention::Closed> LogRetention::closed(const audit::SegmentFile& file) {
  Closed& known = known_[{file.chain, file.number}];
  if (known.number == 0) {
    audit::SegmentSizes sizes;
    DBGATE_TRY(const std::uint64_t size, sizes.of(file.path));
    if (size > 0) {
      DBGATE_TRY(const audit::LastLine last, audit::last_line(file.path, 0, size));
      const audit::SealedLine sealed = audit::read_sealed(last.line);
      if (!sealed.valid || last.end != size) return damaged(file.chain, file.path + " does not end with a record");
      known.last = sealed.sequence;
      known.last_hash = sealed.hash;
      known.last_time = audit::member_of(last.line, "ts");
    }
    known.number = file.number;
    known.path = file.path;
  }
  known.bytes = stored_bytes(file.path);
  return known;
}

Result<> LogRetention::look_at(const std::string& name, const std::vector<audit::SegmentFile>& segments, Chain& chain) {
  DBGATE_TRY(const auto before, removed(name));
  std::uint64_t expected = before ? before->segment + 1 : 1;
  DBGATE_TRY(const std::uint64_t stays, first_to_stay(name));
  for (const audit::SegmentFile& file : segments) {
    // What was signed to be removed when the process ended.
    if (before && file.number <= before->segment) {
      DBGATE_CHECK(remove_segment(file.path));
      continue;
    }
    if (file.number >= stays) break;
    if (file.number != expected++) return damaged(name, "segment " + std::to_string(expected - 1) + " is missing");
    DBGATE_TRY(Closed segment, closed(file));
    chain.segments.push_back(std::move(segment));
  }
  return boost::system::in_place_value;
}

Result<> LogRetention::look(Chains& chains, std::uint64_t& total) {
  std::map<std::string, std::vector<audit::SegmentFile>> files;
  for (audit::SegmentFile& file : audit::list_segments(options_.directory)) {
    total += stored_bytes(file.path);
    if (!audit::is_retention_chain(file.chain)) files[file.chain].push_back(std::move(file));
  }
  Result<> first_failure = boost::system::in_place_value;
  for (const auto& [name, segments] : files) {
    const auto looked = look_at(name, segments, chains[name]);
    if (looked) continue;
    chains.erase(name);
    if (first_failure) first_failure = looked;
  }
  return first_failure;
}

void LogRetention::choose(Chains& chains, std::uint64_t total, std::int64_t now_us) const {
  const bool by_age = options_.max_age_us > 0 && now_us > options_.max_age_us;
  const std::string oldest = by_age ? format_time(now_us - options_.max_age_us) : std::string();
  for (auto& [name, chain] : chains) {
    while (chain.due < chain.segments.size() && chain.segments[chain.due].last_time < oldest)
      total -= std::min(total, chain.segments[chain.due++].bytes);
  }
  while (options_.max_bytes > 0 && total > options_.max_bytes) {
    Chain* next = nullptr;
    for (auto& [name, chain] : chains) {
      if (chain.due == chain.segments.size()) continue;
      if (next == nullptr || chain.segments[chain.due].last_time < next->segments[next->due].last_time) next = &chain;
    }
    if (next == nullptr) break;
    next->reason = "max_bytes";
    total -= std::min(total, next->segments[next->due++].bytes);
  }
  // A segment without records goes with one that has some.
  for (auto& [name, chain] : chains)
    while (chain.due > 0 && chain.segments[chain.due - 1].last == 0)
      --chain.due;
}

// Reads all that is to go once more: evidence of somebody's tampering is not removed.
Result<proof::Removal> LogRetention::prove(const std::string& name, const Chain& chain,
                                           const std::atomic<bool>& stop) const {
  const Closed& last = chain.segments[chain.due - 1];
  DBGATE_TRY(const auto text, read_small_file(proof::checkpoint_path(options_.directory, name)));
  DBGATE_TRY(const proof::Note note, proof::read_note(text.value_or(std::string())));
  if (!proof::is_signed_by(note, key_)) return damaged(name, "its checkpoint is not signed by this gateway's key");
  DBGATE_TRY(const auto whole, proof::RecordedTree::open(options_.directory, name));
  DBGATE_TRY(const proof::TreeHash root, whole.root(note.checkpoint.size));
  if (root != note.checkpoint.root)
    return damaged(name, "its records are not those that its checkpoint was signed for");
  DBGATE_TRY(const auto blocks, proof::read_tree(proof::tree_path(options_.directory, name)));
  Reading reading(name, blocks);
  DBGATE_TRY(const auto before, removed(name));
  if (before) DBGATE_CHECK(reading.begin_behind(*before));
  proof::Entries entries(options_.directory, name, {chain.segments.front().number, 0});
  while (reading.tree().size() < last.last) {
    if (stop) return Error{sqlstate::query_canceled, "stopped"};
    DBGATE_TRY(const auto entry, entries.next());
    if (!entry) return damaged(name, "it ends too early");
    DBGATE_CHECK(reading.take(*entry));
  }
  if (reading.hash() != last.last_hash) return damaged(name, "segments end with other records than before");
  return proof::Removal{{note.checkpoint.origin, last.last, reading.tree().root(), format_time(wall_clock_us())},
                        last.number,
                        last.last_hash,
                        reading.leaves()};
}

Result<> LogRetention::remove(const std::string& name, const Chain& chain, RetentionDone& done,
                              const std::atomic<bool>& stop) const {
  DBGATE_TRY(const auto before, removed(name));
  DBGATE_TRY(const proof::Removal removal, prove(name, chain, stop));
  const Closed& last = chain.segments[chain.due - 1];
  const std::uint64_t first = before ? before->checkpoint.size + 1 : 1;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < chain.due; ++i)
    bytes += chain.segments[i].bytes;
  std::string sealed;
  for (std::size_t i = 0; ties_.seal && i < chain.due; ++i) {
    DBGATE_TRY(const std::string hash, ties_.seal(name, chain.segments[i].number, stop));
    sealed += (i > 0 ? ",\"" : "\"") + hash + "\"";
  }
  std::string fields;
  audit::append_field(fields, "reason", ties_.seal ? std::string_view("sealed") : std::string_view(chain.reason));
  audit::append_field(fields, "removed.chain", std::string_view(name));
  audit::append_field(fields, "removed.first_segment", chain.segments.front().number);
  audit::append_field(fields, "removed.last_segment", last.number);
  audit::append_field(fields, "removed.first", first);
  audit::append_field(fields, "removed.last", last.last);
  audit::append_field(fields, "removed.records", last.last - first + 1);
  audit::append_field(fields, "removed.bytes", bytes);
  audit::append_field(fields, "removed.last_time", std::string_view(last.last_time));
  audit::append_field(fields, "removed.last_hash", std::string_view(last.last_hash));
  if (ties_.seal) fields.append(",\"sealed.sha256\":[").append(sealed).append("]");
  DBGATE_CHECK(ties_.record(fields));
  DBGATE_CHECK(flush_retention_chains(options_.directory));
  DBGATE_CHECK(replace_file(proof::removal_path(options_.directory, name), proof::sign_removal(removal, key_)));
  for (std::size_t i = 0; i < chain.due; ++i) {
    DBGATE_CHECK(remove_segment(chain.segments[i].path));
    ++done.segments;
  }
  done.records += last.last - first + 1;
  if (!flush_directory(options_.directory)) return io_error("cannot flush " + options_.directory);
  return boost::system::in_place_value;
}

Result<RetentionDone> LogRetention::run(std::int64_t now_us, const std::atomic<bool>& stop) {
  Chains chains;
  std::uint64_t total = 0;
  Result<> first_failure = look(chains, total);
  choose(chains, total, now_us);
  RetentionDone done;
  for (const auto& [name, chain] : chains) {
    const auto alone = left_alone_until_.find(name);
    if (chain.due == 0 || stop || (alone != left_alone_until_.end() && Clock::now() < alone->second)) continue;
    const auto removed = remove(name, chain, done, stop);
    for (std::size_t i = 0; removed && i < chain.due; ++i)
      known_.erase({name, chain.segments[i].number});
    if (removed || stop) continue;
    if (removed.error().code() == sqlstate::data_corrupted) left_alone_until_[name] = Clock::now() + look_again_after;
    if (first_failure) first_failure = removed;
  }
  if (first_failure || done.segments > 0) return done;
  return first_failure.error();
}

}  // namespace dbgate::adapters
