#include "gateway/adapters/file_witness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>

#include "gateway/adapters/posix_file.h"
#include "gateway/proof/chain_tree.h"
#include "gateway/proof/note.h"

namespace dbgate::adapters {
namespace {

using ports::Witnessing;
using Outcome = Witnessing::Outcome;

// What stands in front of the last of them is older than what the log has been held against before.
constexpr std::size_t most_read = 4u << 20;

Witnessing failed(const Error& why) {
  return {Outcome::failed, why.message(), {}};
}

class FileWitness final : public ports::CheckpointWitness {
 public:
  FileWitness(std::string path, std::string directory) : path_(std::move(path)), directory_(std::move(directory)) {}

  Witnessing give(const std::string& chain, const std::string& text, const std::stop_token& /*stop*/) override {
    const auto note = proof::read_note(text);
    if (!note) return failed(note.error());
    const File file(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    struct stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return failed(io_error("cannot open " + path_));
    // Another file than last time is what it is.
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size != size_) {
      const auto known = read_last(file, size);
      if (!known) return failed(known.error());
    }
    Witnessing held = hold_against_last(chain, note->checkpoint);
    if (held.outcome != Outcome::taken) return held;
    if (const auto last = last_.find(note->checkpoint.origin); last != last_.end() && last->second == note->checkpoint)
      return held;
    if (const auto added = add(file, size, text); !added) return failed(added.error());
    last_[note->checkpoint.origin] = note->checkpoint;
    size_ = size + text.size();
    return held;
  }

 private:
  // The last checkpoint of each chain.
  Result<> read_last(const File& file, std::size_t size) {
    last_.clear();
    std::string text(std::min(size, most_read), '\0');
    const std::size_t start = size - text.size();
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t got = ::pread(file.get(), text.data() + at, text.size() - at, static_cast<off_t>(start + at));
      if (got <= 0) return io_error("cannot read " + path_);
      at += static_cast<std::size_t>(got);
    }
    std::string_view notes = text;
    if (start > 0) {
      // From the first one that is there whole.
      const std::size_t mark = notes.find("\n\xe2\x80\x94 ");
      const std::size_t end = mark == std::string_view::npos ? mark : notes.find('\n', mark + 1);
      if (end == std::string_view::npos) return not_checkpoints();
      notes.remove_prefix(end + 1);
    }
    if (notes.empty()) return boost::system::in_place_value;
    const auto all = proof::read_notes(notes);
    if (!all) return not_checkpoints();
    for (const proof::Note& note : *all)
      last_[note.checkpoint.origin] = note.checkpoint;
    return boost::system::in_place_value;
  }
  Error not_checkpoints() const {
    return {sqlstate::data_corrupted, path_ + " is no file of checkpoints, or its last one was cut off",
            "keep it, and name another"};
  }

  // The log may have been replaced while nobody looked.
  Witnessing hold_against_last(const std::string& chain, const proof::Checkpoint& now) const {
    Witnessing good{Outcome::taken};
    const auto found = last_.find(now.origin);
    if (found == last_.end()) return good;
    const proof::Checkpoint& last = found->second;
    const std::string of_chain = " of chain " + chain;
    if (last.size > now.size)
      return {Outcome::conflict,
              "it has a checkpoint for " + std::to_string(last.size) + " records" + of_chain + ", the log has " +
                  std::to_string(now.size),
              {}};
    auto root = Result<proof::TreeHash>(now.root);
    if (last.size < now.size) {
      const auto tree = proof::RecordedTree::open(directory_, chain);
      root = tree ? tree->root(last.size) : Result<proof::TreeHash>(tree.error());
    }
    // Segments that were removed cannot be looked at any more; `dbgate audit verify` says what that means.
    if (!root || *root == last.root) return good;
    return {Outcome::conflict,
            "its checkpoint for " + std::to_string(last.size) + " records" + of_chain +
                " is of others than the log has now",
            {}};
  }

  Result<> add(const File& file, std::size_t size, const std::string& text) const {
    if (write_all(file, text) == text.size() && ::fsync(file.get()) == 0) return boost::system::in_place_value;
    const Error why = io_error("cannot write " + path_);
    // Half a checkpoint would make the file unreadable.
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0)
      return Error(sqlstate::io_error, why.message() + ", nor undo what was written");
    return why;
  }

  const std::string path_;
  const std::string directory_;
  std::map<std::string, proof::Checkpoint> last_;  // by origin
  std::size_t size_ = 0;                           // of the file that last_ is of
};

}  // namespace

std::unique_ptr<ports::CheckpointWitness> make_file_witness(std::string path, std::string directory) {
  return std::make_unique<FileWitness>(std::move(path), std::move(directory));
}

}  // namespace dbgate::adapters
