#pragma once
#include <memory>

#include "gateway/ports/row_versions.h"

namespace dbgate::adapters {

/// Over libpq: one connection for each request, and where a target has several hosts, one for each that is tried.
std::unique_ptr<ports::RowVersions> make_pg_row_versions();

}  // namespace dbgate::adapters
