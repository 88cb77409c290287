#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
  std::optional<RiskLevel> log_at;
  std::optional<RiskLevel> hold_at;
  std::optional<RiskLevel> deny_at;
  ModelUse llm = ModelUse::off;
};

/// Who has to agree before a statement runs.
struct ApprovalRule {
  std::vector<std::string> groups;
  std::vector<std::string> users;
  std::size_t needed = 1;                             ///< so many of them
  std::chrono::milliseconds within{15 * 60 * 1'000};  ///< nobody has decided by then: it does not run
  std::chrono::milliseconds window{0};                ///< for how long the same may run again; 0: it runs once
  bool refuse = false;                                ///< the client is refused and comes again, instead of waiting

  bool operator==(const ApprovalRule&) const = default;
};
/// Null: nobody is asked. Shared by all verdicts that need it.
using ApprovalRulePtr = std::shared_ptr<const ApprovalRule>;

/// By kind of principal, in the order of PrincipalKind.
using RiskPolicy = std::array<RiskBounds, 3>;

}  // namespace dbgate::config
