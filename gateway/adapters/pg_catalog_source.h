#pragma once
#include <memory>

#include "gateway/ports/catalog_source.h"

namespace dbgate::adapters {

/// Loads catalogs over libpq: one connection and one read-only transaction for each load. To be made before any thread
/// is started: it takes variables out of the environment that libpq would obey.
std::unique_ptr<ports::CatalogSource> make_pg_catalog_source();

}  // namespace dbgate::adapters
