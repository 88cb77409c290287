#pragma once
#include <optional>
#include <string>

#include "gateway/api/services.h"
#include "gateway/ports/query_peers.h"

// What is said of a query, whether it runs at this gateway or at another one on the store.
namespace dbgate::api {

/// Nothing: this gateway has no such query for the caller.
Task<std::optional<ports::QueryAnswer>> answer_here(Services& services, ports::QueryQuestion question);
/// The same, of whichever gateway has it. Errors: 08006 not all of them have answered.
Task<Result<std::optional<ports::QueryAnswer>>> answer_anywhere(Services& services, ports::QueryQuestion question);

/// A query with the first `rows` rows of each result, as far as they are kept.
std::string query_body(Services& services, const ports::QueryCaller& caller, const ports::QuerySummary& query,
                       std::size_t rows);
/// What a cursor of a result is signed for.
std::string place_of_rows(const ports::QueryCaller& caller, const std::string& id, std::size_t result);
/// The answer to QueryQuestion::What::statement, read. Nothing: it is none.
std::optional<ports::QueryRequest> read_statement(const std::string& body);

}  // namespace dbgate::api
