#pragma once
#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "gateway/risk/assess.h"
#include "gateway/sql/signs.h"

// What rules look at, and where they say what they found. Inside risk/ only.
namespace dbgate::risk {

class Report {
 public:
  Report(const sql::Statement& statement_, const Circumstances& circumstances);

  const sql::Statement& statement;
  const sql::Signs& signs;  ///< without any, if the statement has none
  const Circumstances& circumstances;

  bool has(sql::Effect effect) const { return statement.effects.test(static_cast<std::size_t>(effect)); }
  bool is_agent() const { return circumstances.caller == Caller::agent; }
  bool is_person() const { return circumstances.caller == Caller::person; }
  /// The relation that a name stands for; null: not known.
  const catalog::Relation* relation(const sql::QualifiedName& name) const {
    return circumstances.resolver == nullptr ? nullptr : circumstances.resolver->relation(name);
  }
  /// Rows that the server believes are in it; negative: not known.
  double rows(const sql::QualifiedName& name) const {
    const catalog::Relation* const found = relation(name);
    return found == nullptr ? -1 : found->rows;
  }
  /// False if the account may not read pg_index: then no table seems to have one.
  bool knows_indexes() const;
  bool is_large(const sql::QualifiedName& name) const { return rows(name) >= circumstances.sizes.large_table; }
  bool is_huge(const sql::QualifiedName& name) const { return rows(name) >= circumstances.sizes.huge_table; }
  /// A level for work that takes as long as the table is large: a step less for small ones, one more for huge ones.
  Level by_size(Level level, const sql::QualifiedName& name) const;

  /// The rule speaks up at its own level for the caller, or at another.
  void hit(const Rule& rule, std::string about = {}) { hit(rule, rule.of(circumstances.caller), std::move(about)); }
  void hit(const Rule& rule, Level level, std::string about = {});

  std::vector<Hit> hits;
};

/// A rule and what it looks for.
struct Check {
  Rule rule;
  void (*look)(const Rule& rule, Report& report);
};

std::span<const Check> statement_checks();
std::span<const Check> change_checks();
std::span<const Check> read_checks();
std::span<const Check> function_checks();
std::span<const Check> injection_checks();
std::span<const Check> behaviour_checks();
std::span<const Check> privilege_checks();
std::span<const Check> definition_checks();

/// Of a text that is no statement; nothing looks for it.
const Rule& unreadable_rule();

inline std::string shown(const sql::QualifiedName& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
}

inline bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace dbgate::risk
