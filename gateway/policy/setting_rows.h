#pragma once
#include "gateway/policy/grants.h"

// Settings that are read as rows of pg_settings. Inside policy/ only.
namespace dbgate::policy {

/// Whether the statement is one query of pg_settings or pg_show_all_settings() alone that shows rows of settings only
/// which SHOW would show as well, and of these no column that tells where the server keeps its files.
bool reads_harmless_settings(const RuleSet& allow, const sql::Statement& statement);

}  // namespace dbgate::policy
