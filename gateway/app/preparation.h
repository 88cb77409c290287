#pragma once
#include <string>

namespace dbgate::app {

/// The SQL that prepares a database for the commit gate (docs/commit-gate.md), for whoever owns its tables.
/// @param account  as whom the gateway is on the server
std::string preparation_sql(const std::string& account);
/// … and what takes that back.
std::string preparation_undo_sql();

}  // namespace dbgate::app
