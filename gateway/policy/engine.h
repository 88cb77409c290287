#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "gateway/catalog/closure.h"
#include "gateway/catalog/resolver.h"
#include "gateway/policy/verdict.h"
#include "gateway/sql/facts.h"

namespace dbgate::policy {

class Grants;
class MovedNames;
struct Arguments;

/// Grants, and from when until when (seconds since 1970 UTC, the end excluded) they are certain not to change.
struct TimedGrants {
  std::shared_ptr<const Grants> grants;
  std::int64_t from = INT64_MIN;
  std::int64_t until = INT64_MAX;
};

/// What a target says of itself, for everybody.
struct TargetTerms {
  std::vector<config::TablePattern> sensitive{};
  config::CommitGate gate{};
};

/// What one principal may do on one target for a time, beside what policies allow; what these deny or hide stays so.
struct Temporary {
  struct Right {
    std::shared_ptr<const config::Rule> rule;
    std::string id;         ///< acc_…: the rule's id in verdicts
    std::int64_t from = 0;  ///< seconds since 1970 UTC
    std::int64_t until = 0;
  };
  std::vector<Right> rights;
  // Of the principal, whom no policy may name here.
  std::map<std::string, std::string> attributes;
  config::PrincipalKind kind = config::PrincipalKind::person;
  TargetTerms target;
};

/// The policies of one configuration, compiled. Immutable; shared by all threads.
class PolicySet {
 public:
  explicit PolicySet(const config::Config& config);

  /// What `user` may do on `target`, at one time or another; null if no policy names the two together: the target does
  /// not exist for that user.
  std::shared_ptr<const Grants> grants(std::string_view user, std::string_view target) const;
  /// What decides at this moment: without the rules whose time it is not. Null as above.
  /// @param now seconds since 1970 UTC
  /// @param more  rights besides; null: none
  TimedGrants grants_at(std::string_view user, std::string_view target, std::int64_t now,
                        const Temporary* more = nullptr) const;
  /// Whether any policy lets results be kept.
  bool caches() const noexcept { return caches_; }

 private:
  struct Entry {
    std::shared_ptr<const Grants> grants;
    std::vector<std::shared_ptr<const config::Policy>> policies;
    bool timed = false;  ///< some rule has a window
  };
  const Entry* find(std::string_view user, std::string_view target) const;

  bool caches_ = false;
  std::map<std::string, std::map<std::string, Entry, std::less<>>, std::less<>> by_user_;
};

/// How names in a statement are to be read.
struct NameContext {
  std::vector<std::string> search_path;  ///< fixed upstream; pg_catalog comes first by itself
  std::string database;
  /// What the names stand for on the server. Null: not known; names are judged as written, wherever they could lead.
  const catalog::Resolver* resolver = nullptr;
  /// What statements reach through views, rules, triggers and functions; of the same snapshot.
  const catalog::Closure* closure = nullptr;
  std::string account = {};  ///< as whom dbgate is on the server
  /// What the session has done to names since the catalog was read, with what it has not committed; null: nothing.
  const MovedNames* moved = nullptr;
};

/// The verdict on one statement: everything it does must be granted, nothing of it denied. Pure.
/// @param arguments  what the statement's parameters stand for; null: not known yet, see Verdict::looks_at_values
Verdict decide(const Grants& grants, const sql::Statement& statement, const NameContext& context,
               const Arguments* arguments = nullptr);
/// What rules over values look at in statements; null: there are none.
std::shared_ptr<const sql::ValuesWanted> values_wanted(const Grants& grants);
/// A FunctionCall message names a function by OID alone.
Verdict decide_function_call(const Grants& grants);
/// A connection of an engine that sees bytes only.
Verdict decide_connection(const Grants& grants);
Verdict decide_replication(const Grants& grants);
/// Whether some setting that is open to everybody could be denied to this principal.
bool limits_settings(const Grants& grants);
/// Whether any change of data, structure or rights is granted.
bool may_write(const Grants& grants);
/// Whether the rights stop at columns, or leave out tables of what is otherwise allowed: errors of the server could
/// show more.
bool shows_part(const Grants& grants);
/// Of two verdicts on one text, the one that counts; the later one if they are equally strict.
Verdict stricter(Verdict earlier, Verdict later);
/// What has to be agreed to before changes are committed; null: nothing.
const CommitGatePtr& commit_gate(const Grants& grants);
/// Whether what a statement reaches through views and functions makes a difference.
bool needs_closure(const Grants& grants);
/// Whether the value of a constant in a statement can make a difference: rules over values look at it, listed
/// statements and shapes in records hold it, masks and filters write the text anew. Where not, statements that differ
/// in constants alone have one verdict.
bool reads_constants(const Grants& grants);
/// What the rules of risk are asked about, from where on they hold and deny, and whether models are asked besides.
/// Whatever several policies say, the strictest counts.
struct RiskGrants {
  config::PrincipalKind kind = config::PrincipalKind::person;
  config::RiskBounds from;
  std::string_view policy;           ///< that denies
  std::string_view hold_rule;        ///< that holds
  config::ApprovalRulePtr approval;  ///< null: nothing is held
  std::span<const config::TablePattern> sensitive;
  std::string_view models_policy;           ///< that has models asked; empty: none has
  config::ApprovalRulePtr models_approval;  ///< for what they want looked at; null: nobody could look
  bool observes = false;                    ///< policies say what they would deny, and let it pass
  bool writes = false;                      ///< something may be changed

  /// Whether a rating decides anything.
  bool acts() const noexcept {
    return from.log_at || from.hold_at || from.deny_at || from.llm != config::ModelUse::off;
  }
  /// Whether something may follow from a rating.
  bool reached_by(config::RiskLevel level) const noexcept {
    return (from.log_at && level >= *from.log_at) || (from.hold_at && level >= *from.hold_at) ||
           (from.deny_at && level >= *from.deny_at);
  }
};
RiskGrants risk_of(const Grants& grants);
/// Holds what is allowed until others agree; where policies only observe, the verdict says that it would be.
void hold_or_note(const Grants& grants, Hold hold, Verdict& verdict);
/// Whether policies list what the principal sends, and the statement is not on any of the lists. What names nothing of
/// the database need not be.
bool is_unknown(const Grants& grants, const sql::Statement& statement);
/// Whether policies list what the principal sends.
bool lists_shapes(const Grants& grants);
/// Whether everything is granted and nothing denied: even what dbgate cannot see through may pass.
bool is_unrestricted(const Grants& grants);

}  // namespace dbgate::policy
