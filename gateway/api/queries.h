#pragma once
#include "gateway/api/router.h"
#include "gateway/api/services.h"

// Statements that the API runs for its callers (docs/api.md, "Queries").
namespace dbgate::api {

/// POST /targets/{name}/queries: runs a statement; answers with its result, with where to ask for it, or with a stream.
Task<Response> create_query(Services& services, Request& request);
/// GET /queries/{id}
Task<Response> show_query(Services& services, Request& request);
/// GET /queries/{id}/rows: a page of a kept result.
Task<Response> list_query_rows(Services& services, Request& request);
/// POST /queries/{id}/cancel
Task<Response> cancel_query(Services& services, Request& request);
/// POST /queries/{id}/export: runs the statement again, for a file.
Task<Response> export_query(Services& services, Request& request);
/// GET /targets/{name}/schema: the names that the caller's policies let them use.
Task<Response> show_schema(Services& services, Request& request);

}  // namespace dbgate::api
