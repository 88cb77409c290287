#pragma once
#include <cstdint>
#include <memory>

#include "gateway/catalog/closure.h"

namespace dbgate::policy {

/// What a statement leaves in the server process that runs it, beyond what its own text tells (session/pins.h).
enum class Residue : std::uint8_t {
  none,
  discarded,  ///< DISCARD ALL takes it away: advisory locks, temporary tables, settings of functions
  unknown,    ///< there is no catalog yet to tell by; as `stays`, but nobody has to wait with it for his session's end
  stays       ///< nothing may take it away, or it cannot be seen through: it is for the same principal alone
};

/// What statements leave behind by one catalog and one search path. In doubt it stays
/// (docs/decisions/0037-what-functions-leave-behind.md). What stands in the text for everybody to see and DISCARD ALL
/// takes away is not counted.
///
/// That the relations, functions and types of a statement are harmless is remembered of each by its name, so that most
/// statements are not followed through the catalog again. Any number of threads may ask at once.
class Residues {
 public:
  /// @param path  of the target; empty: the server has its own, and a name may mean whatever has it in any schema
  Residues(std::shared_ptr<const catalog::Closure> closure, catalog::SearchPath path);
  ~Residues();
  Residues(const Residues&) = delete;
  Residues& operator=(const Residues&) = delete;

  Residue of(const sql::Script& script) const;

  const catalog::Snapshot& snapshot() const noexcept;
  const catalog::SearchPath& path() const noexcept { return path_; }

 private:
  class Traces;
  class Harmless;

  catalog::SearchPath path_;
  std::unique_ptr<const Traces> traces_;
  std::unique_ptr<Harmless> harmless_;
};

/// The same while the catalog is not known.
Residue residue_of(const sql::Script& script, const catalog::SearchPath& path);

}  // namespace dbgate::policy
