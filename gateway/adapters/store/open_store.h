#pragma once
#include <memory>

#include "config/schema.h"
#include "gateway/base/error.h"
#include "gateway/ports/store.h"

namespace dbgate::adapters::store {

/// Whether store.url can be meant; asks nobody. Errors: 22023.
Result<> check_store(const config::Store& store);

/// The store that the configuration names, with its schema up to date. Makes `state_dir` if need be, and, for SQLite
/// without configured keys, a key in `state_dir/store.key`.
/// Errors: 08006 it cannot be reached; 0A000 its schema is newer than this program; 58030, XX001 the key file is
/// missing, damaged or open to others; 22023.
Result<std::unique_ptr<ports::store::Store>> open_store(const config::Config& config);

/// Wraps whatever is sealed in the store with the first key. @return how many values were wrapped anew
Result<std::int64_t> rotate_keys(const config::Config& config);

}  // namespace dbgate::adapters::store
