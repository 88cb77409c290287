#pragma once
#include <string>
#include <vector>

#include "gateway/upstream/connection.h"

namespace dbgate::upstream {

/// One row that dbgate itself asks for, on a connection that nobody else uses. NULL is an empty text.
using OwnRow = std::vector<std::string>;

/// Errors: the server's SQLSTATE without its message; 08006 if the connection broke, or it answered otherwise than with
/// a row of so many columns.
Task<Result<OwnRow>> ask(Connection& connection, const std::string& query, std::size_t columns);

}  // namespace dbgate::upstream
