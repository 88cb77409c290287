#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "gateway/session/judge.h"

namespace dbgate::session {

/// Whether any of the OIDs that Parse declares is of a type that a user made.
bool has_user_types(const std::vector<std::uint32_t>& types);

/// Whether any of them is of a type that columns of another may be converted to when they are compared with it.
bool has_odd_types(const std::vector<std::uint32_t>& types);

/// The analysis of a text whose parameters have these types: which overloads may be meant, and what may fail, is a
/// question of them too. The one given where none of them is odd.
std::shared_ptr<const Analysis> with_declared_types(std::shared_ptr<const Analysis> analysis,
                                                    const std::vector<std::uint32_t>& types);

}  // namespace dbgate::session
