#pragma once
#include <array>
#include <optional>
#include <string_view>

#include "gateway/ports/store_approvals.h"

/// Approvals in the words of the API, of events and of webhooks.
namespace dbgate::ports {

inline constexpr std::array<std::string_view, 6> approval_states{"pending", "approved",  "denied",
                                                                 "expired", "cancelled", "used"};
inline constexpr std::array<std::string_view, 4> approval_kinds{"statement", "commit", "access", "review"};

constexpr std::string_view word_of(store::ApprovalState state) noexcept {
  return approval_states[static_cast<std::size_t>(state)];
}
constexpr std::string_view word_of(store::ApprovalKind kind) noexcept {
  return approval_kinds[static_cast<std::size_t>(kind)];
}
constexpr std::optional<store::ApprovalState> approval_state_of(std::string_view word) noexcept {
  for (std::size_t i = 0; i < approval_states.size(); ++i)
    if (approval_states[i] == word) return static_cast<store::ApprovalState>(i);
  return {};
}

inline constexpr std::array<std::string_view, 6> access_states{"pending", "active",  "ended",
                                                               "denied",  "expired", "cancelled"};
constexpr std::string_view word_of(store::AccessState state) noexcept {
  return access_states[static_cast<std::size_t>(state)];
}
constexpr std::optional<store::AccessState> access_state_of(std::string_view word) noexcept {
  for (std::size_t i = 0; i < access_states.size(); ++i)
    if (access_states[i] == word) return static_cast<store::AccessState>(i);
  return {};
}

}  // namespace dbgate::ports
