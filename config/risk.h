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

/// How it is found out what a transaction changes before it is committed (docs/commit-gate.md).
enum class Capture : std::uint8_t {
  prepared,    ///< by what `dbgate target prepare` has installed, or not at all
  unprepared,  ///< by comparing what it sees with what others see; nothing is installed
  any          ///< as the database is prepared or not
};

/// `approve: before_commit`: what is changed waits there for others.
struct CommitGate {
  ApprovalRulePtr approval{};                ///< who has to agree; null: it does not wait
  std::chrono::milliseconds lock_budget{0};  ///< for so long it may lock rows meanwhile
  Capture capture = Capture::prepared;
};

/// By kind of principal, in the order of PrincipalKind.
using RiskPolicy = std::array<RiskBounds, 3>;

}  // namespace dbgate::config
