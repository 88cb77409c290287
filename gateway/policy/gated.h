#pragma once
#include <string>

#include "gateway/policy/engine.h"

namespace dbgate::policy {

/// The schema in the database that holds what dbgate has prepared there (docs/commit-gate.md).
inline constexpr const char* gate_schema = "dbgate_gate";

/// What a text means for a principal whose changes are shown to others before they are committed.
struct Gated {
  bool opens = false;     ///< it may change rows
  bool compares = false;  ///< what they were is found out by comparing: the database need not be prepared
  std::string refused;    ///< why what it does could not be shown; empty: it can be, as far as can be told beforehand
};

/// Pure. The server tells at the end whether anything else was changed; here stands what it could not tell, or could
/// not undo.
/// @param capture how it may be found out what was changed
/// @param closure of the current catalog; null: it is not known
Gated gated(const Grants& grants, config::Capture capture, const sql::Script& script, const catalog::Closure* closure,
            const catalog::SearchPath& path);

}  // namespace dbgate::policy
