#pragma once
#include <cstdint>

#include "gateway/catalog/closure.h"

namespace dbgate::policy {

/// What a statement leaves in the server process that runs it, beyond what its own text tells (session/pins.h).
enum class Residue : std::uint8_t {
  none,
  discarded,  ///< DISCARD ALL takes it away: advisory locks, temporary tables, settings of functions
  unknown,    ///< there is no catalog yet to tell by; as `stays`, but nobody has to wait with it for his session's end
  stays       ///< nothing may take it away, or it cannot be seen through: it is for the same principal alone
};

/// Pure; in doubt it stays (docs/decisions/0037-what-functions-leave-behind.md). What stands in the text for everybody
/// to see and DISCARD ALL takes away is not counted.
/// @param closure  of the current catalog; null: it is not known
/// @param path     of the target; empty: the server has its own, and a name may mean whatever has it in any schema
Residue residue_of(const sql::Script& script, const catalog::Closure* closure, const catalog::SearchPath& path);

}  // namespace dbgate::policy
