#pragma once
#include <cstddef>

#include "gateway/sql/facts.h"

namespace dbgate::sql {

/// The memory that the facts of a script take, themselves included: what the containers hold, without what the
/// allocator adds. Walks all of them once.
std::size_t bytes_of(const Script& script);

}  // namespace dbgate::sql
