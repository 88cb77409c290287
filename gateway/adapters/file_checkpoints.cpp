#include "gateway/adapters/file_checkpoints.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <set>

#include "gateway/adapters/posix_file.h"
#include "gateway/audit/verify.h"
#include "gateway/base/clock.h"
#include "gateway/base/ids.h"
#include "gateway/base/log.h"
#include "gateway/proof/prove.h"
#include "gateway/proof/removal.h"
#include "gateway/proof/tree_file.h"

namespace dbgate::adapters {
namespace {

std::string public_path(const std::string& path) {
  return std::filesystem::path(path).replace_extension(".pub").string();
}

}  // namespace

Result<proof::Key> load_signing_key(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) {
    const proof::Key key = proof::Key::make();
    DBGATE_CHECK(replace_file(public_path(path), key.public_pem()));
    DBGATE_CHECK(replace_file(path, key.private_pem()));
    return key;
  }
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return io_error("cannot read " + path);
  if ((status.st_mode & 077) != 0)
    return Error(sqlstate::data_corrupted, "others can read the key that signs the audit log, " + path, "chmod 600 it");
  DBGATE_TRY(const std::string pem, read_small_file(file, path));
  auto key = proof::Key::read(pem);
  if (!key || !key->can_sign())
    return Error(sqlstate::data_corrupted, "the key that signs the audit log, " + path + ", is no Ed25519 key",
                 "put it back, or remove it: another one is made, and auditors have to be told its public half");
  return key;
}

Result<std::unique_ptr<FileCheckpoints>> FileCheckpoints::open(std::string directory, proof::Key key) {
  const std::string path = directory + "/log-id";
  DBGATE_TRY(std::optional<std::string> id, read_small_file(path));
  if (!id || id->empty()) {
    id = make_id("log_") + "\n";
    DBGATE_CHECK(replace_file(path, *id));
  }
  const std::string origin = "dbgate/" + id->substr(0, id->find('\n')) + "/";
  return std::unique_ptr<FileCheckpoints>(new FileCheckpoints(std::move(directory), std::move(key), origin));
}

// The tree as it was, and that it still leads to what was signed.
Result<> FileCheckpoints::open(const std::string& name, Chain& chain) const {
  DBGATE_TRY(const auto blocks, proof::read_tree(proof::tree_path(directory_, name)));
  DBGATE_TRY(const auto text, read_small_file(proof::checkpoint_path(directory_, name)));
  if (text) {
    DBGATE_TRY(const proof::Note note, proof::read_note(*text));
    DBGATE_TRY(const auto tree, proof::RecordedTree::open(directory_, name));
    const proof::Checkpoint& last = note.checkpoint;
    const auto root = tree.root(last.size);
    if (!root) return Error(sqlstate::data_corrupted, root.error().message() + " as its checkpoint says");
    if (*root != last.root)
      return Error(sqlstate::data_corrupted, "the first " + std::to_string(last.size) + " records of audit chain " +
                                                 name + " are not those that its checkpoint was signed for");
    // Under another key, or as another log, it is signed anew, and so is what was removed before.
    if (proof::is_signed_by(note, key_) && last.origin == origin_ + name)
      chain.signed_size = last.size;
    else
      DBGATE_CHECK(sign_removal_anew(name));
  }
  chain.tree = std::make_unique<proof::ChainTree>(directory_, name, blocks);
  return boost::system::in_place_value;
}

Result<> FileCheckpoints::sign_removal_anew(const std::string& name) const {
  DBGATE_TRY(const auto read, proof::load_removal(directory_, name));
  if (!read || proof::is_signed_by(read->note, key_)) return boost::system::in_place_value;
  proof::Removal removal = read->removal;
  removal.checkpoint.origin = origin_ + name;
  return replace_file(proof::removal_path(directory_, name), proof::sign_removal(removal, key_));
}

Result<> FileCheckpoints::add(const std::string& name, const proof::Block& block) const {
  const std::string path = proof::tree_path(directory_, name);
  const File file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return io_error("cannot write " + path);
  const auto size = static_cast<std::size_t>(status.st_size);
  const std::size_t start = proof::tree_file_start.size();
  std::string bytes;
  // A block that was cut off by a full disk or a crash is taken away.
  const std::size_t whole = size < start ? 0 : size - (size - start) % proof::block_bytes;
  if (whole != size && ::ftruncate(file.get(), static_cast<off_t>(whole)) != 0) return io_error("cannot mend " + path);
  if (whole == 0) bytes = proof::tree_file_start;
  bytes += proof::bytes_of(block);
  if (write_all(file, bytes) != bytes.size()) return io_error("cannot write " + path);
  return boost::system::in_place_value;
}

// What is signed is on the disk: a machine that crashes must not leave a log that is shorter than its checkpoint.
Result<> FileCheckpoints::flush(const std::string& name, Chain& chain) const {
  for (; chain.flushed_segment <= chain.tree->place().segment; ++chain.flushed_segment) {
    const std::string path = audit::segment_path(directory_, name, chain.flushed_segment);
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0 && errno == ENOENT) continue;  // taken away since it was read
    if (file.get() < 0 || ::fdatasync(file.get()) != 0) return io_error("cannot flush " + path);
  }
  --chain.flushed_segment;  // the last one grows
  return boost::system::in_place_value;
}

Result<> FileCheckpoints::sign(const std::string& name, const Chain& chain) const {
  const proof::Checkpoint checkpoint{origin_ + name, chain.tree->size(), chain.tree->root(),
                                     format_time(wall_clock_us())};
  return replace_file(proof::checkpoint_path(directory_, name), proof::sign_checkpoint(checkpoint, key_));
}

void FileCheckpoints::give_up(const std::string& name, Chain& chain, const Error& why) {
  chain.broken = true;
  chain.tree.reset();
  ++broken_;
  log::error("audit", "a chain of the audit log is not signed any more",
             {{"chain", name}, {"err", why.message()}, {"hint", "keep a copy, and see `dbgate audit verify`"}});
}

std::uint64_t FileCheckpoints::signed_records() const noexcept {
  std::uint64_t records = 0;
  for (const auto& [name, chain] : chains_)
    records += chain.signed_size.value_or(0);
  return records;
}

Result<> FileCheckpoints::begin() {
  std::map<std::string, bool> empty;
  for (const audit::SegmentFile& segment : audit::list_segments(directory_)) {
    struct stat status {};
    const bool nothing = ::stat(segment.path.c_str(), &status) == 0 && status.st_size == 0;
    empty[segment.chain] = empty.try_emplace(segment.chain, true).first->second && nothing;
  }
  for (const auto& [name, fresh] : empty) {
    if (!fresh || ::access(proof::checkpoint_path(directory_, name).c_str(), F_OK) == 0) continue;
    Chain chain;
    DBGATE_CHECK(open(name, chain));
    DBGATE_CHECK(sign(name, chain));
  }
  return boost::system::in_place_value;
}

// Whether there is a new checkpoint.
Result<bool> FileCheckpoints::update(const std::string& name, Chain& chain, const std::atomic<bool>& stop) {
  if (!chain.tree) DBGATE_CHECK(open(name, chain));
  std::vector<proof::Block> blocks;
  DBGATE_CHECK(chain.tree->follow(stop, [&blocks](const proof::Block& block) -> Result<> {
    blocks.push_back(block);
    return boost::system::in_place_value;
  }));
  const bool grown = chain.tree->size() != chain.signed_size;
  // Before the tree, too: after a crash of the machine it would be one of records that are not there.
  if (grown || !blocks.empty()) DBGATE_CHECK(flush(name, chain));
  for (const proof::Block& block : blocks)
    DBGATE_CHECK(add(name, block));
  if (!grown) return false;
  DBGATE_CHECK(sign(name, chain));
  chain.signed_size = chain.tree->size();
  return true;
}

Result<std::size_t> FileCheckpoints::update(const std::atomic<bool>& stop) {
  std::set<std::string> names;
  for (const audit::SegmentFile& segment : audit::list_segments(directory_))
    names.insert(segment.chain);
  std::size_t written = 0;
  Result<std::size_t> failed = written;
  for (const std::string& name : names) {
    Chain& chain = chains_[name];
    if (chain.broken) continue;
    const auto done = update(name, chain, stop);
    if (done) {
      written += *done ? 1 : 0;
    } else if (done.error().code() == sqlstate::data_corrupted ||
               done.error().code() == sqlstate::invalid_parameter_value) {
      give_up(name, chain, done.error());
    } else {
      chain.tree.reset();  // read again: a block may be in memory and not in the file
      failed = done.error();
    }
  }
  return failed ? Result<std::size_t>(written) : failed;
}

}  // namespace dbgate::adapters
