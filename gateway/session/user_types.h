#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "gateway/session/judge.h"

namespace dbgate::session {

/// Whether any of the OIDs that Parse declares is of a type that a user made.
bool has_user_types(const std::vector<std::uint32_t>& types);

/// The same analysis of a text whose parameters have such types: which overloads may be meant is a question of them
/// too.
std::shared_ptr<const Analysis> with_user_types(const Analysis& analysis);

}  // namespace dbgate::session
