#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/schema.h"
#include "gateway/policy/confine.h"
#include "gateway/policy/engine.h"
#include "gateway/policy/row_filters.h"

// The compiled form of rules. Inside policy/ only.
namespace dbgate::policy {

/// One relation pattern of one rule, for one or more effects.
struct TableGrant {
  sql::EffectSet effects;
  std::vector<std::string> columns;  ///< sorted; empty: all
  bool require_where = false;
  bool descendants = false;  ///< with all children and partitions
  std::string rule_id;
  bool everywhere = false;                                ///< the pattern is "*", which no renaming escapes
  std::shared_ptr<const Requirements> require = nullptr;  ///< beyond `require_where`; null: nothing
  bool migrations_only = false;  ///< DDL of tables, indexes, sequences, views and types, not of code
  bool for_a_time = false;       ///< verdicts that rest on it name its rule
};

/// Rules of one principal on one target, looked up by relation.
class RuleSet {
 public:
  using Attributes = std::map<std::string, std::string>;
  enum class Side : std::uint8_t { allow, deny };
  enum class Lasting : bool { for_good, for_a_time };
  /// A right brings what it cannot do without, such as the row locks of UPDATE; a denial takes only what it names.
  /// @param attributes  of the principal, which the rule's values may be
  void add(const config::Rule& rule, const std::string& rule_id, Side side, const Attributes& attributes = {},
           Lasting lasting = Lasting::for_good);

  /// Calls `visit` for every grant on schema.name, until it returns false.
  template <class Visit>
  void each_grant(const std::string& schema, const std::string& name, Visit&& visit) const {
    for (const std::string_view pattern : {std::string_view(schema), std::string_view("*")}) {
      if (pattern == "*" && is_system_schema(schema)) continue;
      const auto tables = tables_.find(pattern);
      if (tables == tables_.end()) continue;
      for (const std::string_view table : {std::string_view(name), std::string_view("*")}) {
        const auto found = tables->second.find(table);
        if (found == tables->second.end()) continue;
        for (const TableGrant& grant : found->second) {
          if (!visit(grant)) return;
        }
      }
    }
  }
  /// @param arguments  how many the call has; `any_number` asks for a right to all functions of that name
  bool function_granted(std::string_view schema, std::string_view name, std::size_t arguments, bool procedure) const;
  static constexpr std::size_t any_number = SIZE_MAX;
  /// By the types of its arguments.
  bool function_granted(const catalog::Resolver& resolver, const catalog::Function& function, bool procedure) const;
  /// The same whatever the arguments: defaults and VARIADIC make their number unreliable, so a denial ignores it.
  bool function_named(std::string_view schema, std::string_view name, bool procedure) const;
  /// By that very name, not as one of all functions of a schema.
  bool function_spelt_out(std::string_view schema, std::string_view name) const;
  bool type_granted(std::string_view schema, std::string_view name) const;
  bool channel_granted(std::string_view channel, bool notify) const;
  bool setting_granted(std::string_view name) const;

  /// The rule that lists the statement, by its shape; null if none does.
  const std::string* statement_rule(const sql::Statement& statement) const;
  bool lists_statements() const noexcept { return !statements_.empty(); }

  static bool is_system_schema(std::string_view schema);

  bool everything = false;
  std::string everything_rule;
  bool safe_functions = false;
  bool introspection = false;
  std::string introspection_rule;
  bool orm = false;                ///< what object-relational mappers call besides
  std::set<std::string> migrates;  ///< schemas that migrations may make and change
  bool writes = false;             ///< grants any change of data
  bool dcl = false, admin = false, do_blocks = false, opaque = false, two_phase = false, server_files = false;
  bool replication = false, function_call = false, connect = false;
  bool names_columns = false;                 ///< some table pattern lists columns
  std::vector<std::string> confined_columns;  ///< of all rules over values
  bool asks_for_values = false;               ///< some rule looks at values
  std::size_t rules = 0;
  sql::EffectSet table_effects;   ///< of all relation patterns together
  std::set<std::string> schemas;  ///< that any pattern names

 private:
  void add_migrator(const config::Rule& rule, const std::string& rule_id,
                    const std::shared_ptr<const Requirements>& require);
  std::shared_ptr<const Requirements> requirements_of(const config::Rule& rule, const Attributes& attributes);

  /// Looks up views of text without making a string of them.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <class T>
  using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
  ByName<ByName<std::vector<TableGrant>>> tables_;  // by schema and name, as the patterns write them
  std::vector<config::FunctionPattern> functions_;
  std::vector<config::FunctionPattern> procedures_;
  std::vector<config::TablePattern> types_;
  std::vector<std::string> listen_, notify_, set_;
  std::unordered_map<std::string, std::string> statements_;  // rule by shape
};

/// What a principal sees in place of the data: masks and row filters of all its policies together.
struct Hidden {
  struct Column {
    config::Mask mask;
    std::string rule_id;
    bool is_on(std::string_view schema, std::string_view relation) const;
  };
  struct Rows {
    config::RowFilter filter;
    RowCondition condition;
    std::string rule_id;
    bool is_on(std::string_view schema, std::string_view relation) const;
  };
  std::vector<Column> columns;
  std::vector<Rows> rows;
  /// The same as denials: nothing may reach what is hidden but by names that are replaced.
  RuleSet rules;

  bool any() const noexcept { return !columns.empty() || !rows.empty(); }
  void add(const config::Policy& policy);
};

class Grants {
 public:
  RuleSet allow;
  RuleSet deny;
  Hidden hidden;
  std::vector<config::CachedReads> cached;                ///< of all policies
  std::map<std::string, std::string> attributes;          ///< of the principal; its name is among them
  config::PolicyMode mode = config::PolicyMode::enforce;  ///< the least strict of the policies
  std::shared_ptr<const sql::ValuesWanted> wanted;        ///< null: no rule looks at values
  config::PrincipalKind kind = config::PrincipalKind::person;
  config::RiskBounds risk;                      ///< the strictest of the policies
  std::string risk_policy;                      ///< whose the denial is
  std::string hold_rule;                        ///< that holds
  config::ApprovalRulePtr hold_from;            ///< whose agreement it needs
  std::string models_policy;                    ///< that has models asked
  config::ApprovalRulePtr models_from;          ///< whose agreement what they want looked at needs
  CommitGatePtr gate;                           ///< null: transactions are committed as ever
  config::CommitGate target_gate;               ///< the target's part of it
  std::unordered_set<std::string> known;        ///< shapes of what the principal sends; empty: that is not known
  std::vector<config::TablePattern> sensitive;  ///< of the target
};

/// Why a statement could come to what is hidden without naming it, or empty.
std::string find_way_round(const Grants& grants, const sql::Statement& statement, const NameContext& context);

/// Why a deny rule forbids the statement, or empty. `rule` becomes the id of the rule.
std::string find_denial(const Grants& grants, const sql::Statement& statement, const NameContext& context,
                        std::string& rule);

}  // namespace dbgate::policy
