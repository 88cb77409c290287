#pragma once
#include <string>

#include "gateway/sql/facts.h"

namespace dbgate::sql {

/// The database that nobody else may be connected to when the statement runs: the one that is dropped, renamed or
/// moved, or copied by CREATE DATABASE; its facts have that as their name. Null: it has no such wish.
const std::string* vacates(const Statement& statement);

}  // namespace dbgate::sql
