#pragma once
#include <string>

#include "gateway/policy/engine.h"

// For gateway/rehearsal alone, as tests/lint checks: what is allowed here has not been treated.
namespace dbgate::policy {

/// What masks and row filters would make of a text that is allowed, as far as its names tell.
struct ByNames {
  bool treated = false;  ///< it would be another one
  std::string denied;    ///< why it could not run; else empty
  std::string hint;
  std::string rule_id;
};

/// Judges names as they are written, wherever the search path could find them. Views, partitions, functions and the
/// columns that a table has are not looked at. Pure.
ByNames treat_by_names(const Grants& grants, const sql::Script& script, const NameContext& context);

}  // namespace dbgate::policy
