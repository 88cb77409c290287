#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "gateway/base/error.h"
#include "gateway/proof/chain_tree.h"
#include "gateway/proof/note.h"

namespace dbgate::adapters {

/// The key of `path` in PEM. If there is no such file one is made, with mode 0600; `<path>` with `.pub` in place of its
/// extension then has the public half. Errors: 58030; XX001 it is damaged, or others can read it.
Result<proof::Key> load_signing_key(const std::string& path);

/// Keeps the trees of an audit directory's chains, and signs how far they are: audit-<chain>.tree and
/// audit-<chain>.checkpoint. Follows the files as anybody could; used by one thread.
class FileCheckpoints {
 public:
  /// Errors: 58030. @param directory  of the log; `log-id` is made in it
  static Result<std::unique_ptr<FileCheckpoints>> open(std::string directory, proof::Key key);

  /// Signs that chains without records have none: one that has records and no checkpoint has lost it. To be called
  /// before there are any. Errors: 58030.
  Result<> begin();
  /// Takes the records that have come, makes them durable, and signs each chain that has grown. A chain whose records
  /// are not those that were signed before is left alone from then on, and counted.
  /// @param stop  looked at now and then. @return checkpoints that were written. Errors: 58030, of the last chain that
  /// had one; the others are up to date
  Result<std::size_t> update(const std::atomic<bool>& stop);
  /// Chains that are not signed any more, because their records were changed.
  std::size_t broken() const noexcept { return broken_; }
  /// Of all chains, as of the last update().
  std::uint64_t signed_records() const noexcept;

 private:
  struct Chain {
    std::unique_ptr<proof::ChainTree> tree;
    std::optional<std::uint64_t> signed_size;  ///< none: by this key, nothing yet
    std::uint64_t flushed_segment = 1;         ///< all before it are durable
    bool broken = false;
  };
  FileCheckpoints(std::string directory, proof::Key key, std::string origin)
      : directory_(std::move(directory)), key_(std::move(key)), origin_(std::move(origin)) {}
  Result<bool> update(const std::string& name, Chain& chain, const std::atomic<bool>& stop);
  Result<> open(const std::string& name, Chain& chain) const;
  Result<> sign_removal_anew(const std::string& name) const;
  Result<> add(const std::string& name, const proof::Block& block) const;
  Result<> flush(const std::string& name, Chain& chain) const;
  Result<> sign(const std::string& name, const Chain& chain) const;
  void give_up(const std::string& name, Chain& chain, const Error& why);

  std::string directory_;
  proof::Key key_;
  std::string origin_;  ///< what those of its checkpoints begin with: `dbgate/<log id>/`
  std::map<std::string, Chain> chains_;
  std::size_t broken_ = 0;
};

}  // namespace dbgate::adapters
