#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "gateway/audit/segment.h"
#include "gateway/base/error.h"

namespace dbgate::adapters {

/// Removes texts that were stored apart (`blobs/`) and that no record names any more. Used by one thread, of the
/// process that signs.
///
/// Whoever stores a text that is there already touches it (adapters/file_audit) before the record that names it is
/// written. So a text goes only if all segments and tails, read after it was given another name, do not name it, and
/// nobody has touched it within the last hour: else it gets its name back.
class BlobSweep {
 public:
  explicit BlobSweep(std::string directory) : directory_(std::move(directory)) {}

  /// Does nothing while no segment has gone since the last time. @param stop  looked at now and then
  /// @return texts that were removed. Errors: 58030, XX001: a segment cannot be read, so nothing is removed
  Result<std::uint64_t> sweep(const std::atomic<bool>& stop);

 private:
  using Key = std::pair<std::string, std::uint64_t>;  // chain and number
  using Names = std::set<std::string, std::less<>>;

  Result<bool> take_names(const std::string& path, Names& names, const std::atomic<bool>& stop) const;
  Result<bool> read_all(Names& named, const std::atomic<bool>& stop);

  std::string directory_;
  std::set<Key> seen_;  ///< segments that were there
  bool due_ = true;
  std::map<Key, Names> closed_;  ///< what segments that do not change any more name
};

}  // namespace dbgate::adapters
