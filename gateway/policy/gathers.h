#pragma once
#include "gateway/sql/facts.h"

namespace dbgate::policy {

/// Whether a statement puts many rows of tables into one value: string_agg and the like, ARRAY(SELECT …).
bool gathers_rows(const sql::Statement& statement);

}  // namespace dbgate::policy
