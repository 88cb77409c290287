#pragma once
#include <cstdint>
#include <string_view>

#include "gateway/session/quota.h"

namespace dbgate::session {

/// The number at the end of a command tag: "SELECT 3", "INSERT 0 1", "COPY 7"; 0 where there is none.
std::uint64_t rows_of(std::string_view tag);
/// What the client is told when a statement has changed more rows than it may.
OverLimit too_many_changes(const RowCap& cap);
/// … and when what it sends could not be undone in that case.
Refusal cannot_be_undone(const char* why);

}  // namespace dbgate::session
