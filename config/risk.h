#pragma once
#include <array>
#include <cstdint>
#include <optional>

namespace dbgate::config {

/// How much harm a statement could do. Ordered.
enum class RiskLevel : std::uint8_t { info, low, medium, high, critical };

/// A person at a client, a program, or an agent that a model drives.
enum class PrincipalKind : std::uint8_t { person, service, agent };

/// Whether models are asked about statements that rules are unsure of.
enum class ModelUse : std::uint8_t {
  off,
  async,  ///< afterwards: the statement does not wait
  on
};

/// From which level on what happens; without: never.
struct RiskBounds {
  std::optional<RiskLevel> deny_at;
  ModelUse llm = ModelUse::off;
};

/// By kind of principal, in the order of PrincipalKind.
using RiskPolicy = std::array<RiskBounds, 3>;

}  // namespace dbgate::config
