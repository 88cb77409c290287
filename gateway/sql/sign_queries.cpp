#include <algorithm>
#include <numeric>
#include <set>

#include "gateway/sql/sign_conditions.h"
#include "gateway/sql/sign_reader.h"

// What FROM ties together, and what the arms of a UNION have in common.
namespace dbgate::sql {
namespace {

constexpr std::size_t most_entries = 64;
constexpr int most_arms = 64;

/// The entries of FROM by the names under which columns mean them, and which of them conditions tie together.
class Ties {
 public:
  explicit Ties(Budget& budget) : budget_(budget) {}

  void add_table(const RangeVar* table) {
    const bool aliased = table->alias != nullptr;
    add(aliased ? table->alias->aliasname : text_of(table->relname));
  }

  // Joins tie their sides by ON, USING or NATURAL; CROSS JOIN and ON true do not.
  void add_entry(const void* node, bool tied_above = false) {
    std::vector<const void*> pending{node};
    while (!pending.empty() && names_.size() <= most_entries) {
      const void* const entry = pending.back();
      pending.pop_back();
      if (entry == nullptr) continue;
      switch (nodeTag(entry)) {
        case T_RangeVar:
          add_table(as<RangeVar>(entry));
          break;
        case T_RangeTableSample:
          pending.push_back(as<RangeTableSample>(entry)->relation);
          break;
        case T_RangeSubselect:
          add_query(as<RangeSubselect>(entry));
          break;
        case T_JoinExpr:
          add_join(as<JoinExpr>(entry), tied_above, pending);
          break;
        default:
          break;  // functions, VALUES, JSON_TABLE: small, or tied by their arguments
      }
    }
  }

  void tie_by(const void* condition) {
    if (condition != nullptr) conditions_.push_back(condition);
  }

  bool untied() {
    if (names_.size() < 2 || names_.size() > most_entries || tied_) return false;
    parents_.resize(names_.size());
    std::iota(parents_.begin(), parents_.end(), std::size_t{0});
    for (const auto& [left, right] : joined_)
      unite(left, right);
    for (const void* const condition : conditions_)
      read(condition);
    if (tied_) return false;
    const std::size_t root = root_of(0);
    for (std::size_t i = 1; i < parents_.size(); ++i) {
      if (root_of(i) != root) return true;
    }
    return false;
  }

 private:
  void add(std::string name) { names_.push_back(std::move(name)); }

  void add_query(const RangeSubselect* query) {
    const bool small = query->lateral || nodeTag(query->subquery) != T_SelectStmt ||
                       gives_one_row(as<SelectStmt>(query->subquery)) ||
                       as<SelectStmt>(query->subquery)->valuesLists != nullptr;
    if (!small) add(query->alias == nullptr ? std::string() : text_of(query->alias->aliasname));
  }

  void add_join(const JoinExpr* join, bool tied_above, std::vector<const void*>& pending) {
    // Names that USING and NATURAL join by are not followed: all that is below is taken for tied.
    const bool by_name = join->isNatural || join->usingClause != nullptr;
    if (by_name && !tied_above) {
      const std::size_t before = names_.size();
      add_entry(join->larg, true);
      add_entry(join->rarg, true);
      for (std::size_t i = before + 1; i < names_.size(); ++i)
        joined_.emplace_back(before, i);
      return;
    }
    bool by_value = false;
    const bool tells = !tied_above && join->quals != nullptr && plain_truth(join->quals, by_value) == Truth::columns;
    if (tells) tie_by(join->quals);
    pending.push_back(join->rarg);
    pending.push_back(join->larg);
  }

  std::size_t root_of(std::size_t at) {
    while (parents_[at] != at)
      at = parents_[at] = parents_[parents_[at]];
    return at;
  }
  void unite(std::size_t a, std::size_t b) { parents_[root_of(a)] = root_of(b); }

  // Every comparison, call or sub-select with columns of two entries ties them. A column without its table may be of
  // any.
  void read(const void* condition) {
    walk(condition, [this](const void* node) {
      const bool combines = nodeTag(node) == T_BoolExpr || nodeTag(node) == T_List;
      if (!combines) tie_all_in(node);
      return combines;
    });
  }

  // Visits a node and, where that says so, what is beneath it. What costs too much to follow is taken for tied.
  template <class Visit>
  void walk(const void* root, Visit&& visit) {
    std::vector<const void*> pending{root};
    while (!pending.empty()) {
      const void* const node = pending.back();
      pending.pop_back();
      if (node == nullptr) continue;
      if (!budget_.spend(1)) {
        tied_ = true;
        return;
      }
      if (visit(node)) each_child(node, [&](const void* child) { pending.push_back(child); });
    }
  }

  void tie_all_in(const void* root) {
    std::size_t first = none, bare = 0;
    walk(root, [&](const void* node) {
      if (nodeTag(node) != T_ColumnRef) return true;
      const List* const fields = as<ColumnRef>(node)->fields;
      if (list_length(fields) < 2) {
        ++bare;
        return false;
      }
      const std::string_view table = string_of(list_nth(fields, list_length(fields) - 2));
      const auto at = std::find(names_.begin(), names_.end(), table);
      if (at == names_.end()) return false;
      const auto index = static_cast<std::size_t>(at - names_.begin());
      if (first != none) unite(first, index);
      first = index;
      return false;
    });
    // a = b, where only the catalog knows whose they are.
    if (bare > 1 || (bare == 1 && first != none)) tied_ = true;
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  Budget& budget_;
  std::vector<std::string> names_;
  std::vector<const void*> conditions_;
  std::vector<std::pair<std::size_t, std::size_t>> joined_;
  std::vector<std::size_t> parents_;
  bool tied_ = false;
};

bool is_aggregate(const void* node) {
  for (int depth = 0; node != nullptr && depth < 8; ++depth) {
    if (nodeTag(node) == T_TypeCast) {
      node = as<TypeCast>(node)->arg;
      continue;
    }
    if (nodeTag(node) != T_FuncCall || as<FuncCall>(node)->over != nullptr) return false;
    const std::string_view name = function_of(as<FuncCall>(node));
    constexpr std::string_view aggregates[] = {
        "count",  "sum",       "avg",        "min",      "max",       "bool_and",        "bool_or",
        "every",  "array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg",
        "stddev", "variance"};
    if (std::find(std::begin(aggregates), std::end(aggregates), name) != std::end(aggregates)) return true;
    if (name != "round" && name != "to_char" && name != "abs") return false;
    node = list_length(as<FuncCall>(node)->args) == 0 ? nullptr : linitial(as<FuncCall>(node)->args);
  }
  return false;
}

/// What one arm of a UNION puts out and reads.
struct Arm {
  int outputs = 0;
  int nulls = 0;
  int constants = 0;  // NULLs and numbers
  bool catalog = false;
  std::set<std::string_view> tables;
};

bool is_catalog(const RangeVar* table) {
  const std::string_view schema = table->schemaname == nullptr ? "" : table->schemaname;
  if (!schema.empty()) return schema == "pg_catalog" || schema == "information_schema";
  const std::string_view name = table->relname == nullptr ? "" : table->relname;
  return name.starts_with("pg_");
}

Arm arm_of(const SelectStmt* select) {
  Arm arm;
  const ListCell* cell = nullptr;
  foreach (cell, select->targetList) {
    ++arm.outputs;
    const A_Const* const constant = constant_of(as<ResTarget>(lfirst(cell))->val);
    if (constant == nullptr) continue;
    if (constant->isnull) ++arm.nulls;
    if (constant->isnull || nodeTag(&constant->val.node) == T_Integer) ++arm.constants;
  }
  foreach (cell, select->fromClause) {
    if (nodeTag(lfirst(cell)) != T_RangeVar) continue;
    const auto* const table = as<RangeVar>(lfirst(cell));
    arm.catalog = arm.catalog || is_catalog(table);
    if (table->relname != nullptr) arm.tables.insert(table->relname);
  }
  return arm;
}

}  // namespace

bool is_cartesian(const List* from, const RangeVar* table, const void* where, Budget& budget) {
  Ties ties(budget);
  if (table != nullptr) ties.add_table(table);
  const ListCell* cell = nullptr;
  foreach (cell, from)
    ties.add_entry(lfirst(cell));
  ties.tie_by(where);
  return ties.untied();
}

bool gives_one_row(const SelectStmt* select) {
  if (select->op != SETOP_NONE || select->valuesLists != nullptr) return select->valuesLists != nullptr;
  if (select->fromClause == nullptr) return true;
  if (select->groupClause != nullptr || list_length(select->targetList) == 0) return false;
  const ListCell* cell = nullptr;
  foreach (cell, select->targetList) {
    if (is_aggregate(as<ResTarget>(lfirst(cell))->val)) return true;
  }
  return false;
}

void SignReader::on_select(const SelectStmt* select) {
  on_with(select->withClause, select->limitCount);
  const List* const from = select->fromClause;
  const bool several = list_length(from) > 1 || (list_length(from) == 1 && nodeTag(linitial(from)) == T_JoinExpr);
  if (several && is_cartesian(from, nullptr, select->whereClause, budget_)) signs_.set(Sign::cartesian);
  if (select->op == SETOP_UNION) on_union(select);
}

// Each node of a chain of UNIONs is seen on its own: its right arm is the one that was added. Very long chains are
// written by programs.
void SignReader::on_union(const SelectStmt* select) {
  const SelectStmt* left = select->larg;
  int arms = 0;
  for (; left->op != SETOP_NONE && arms < most_arms; ++arms)
    left = left->larg;
  if (arms == most_arms) return;
  const SelectStmt* const right = select->rarg;
  if (right->op != SETOP_NONE) return;
  const Arm first = arm_of(left), added = arm_of(right);
  if (added.outputs > 0 && added.nulls == added.outputs && right->fromClause == nullptr)
    signs_.set(Sign::union_of_nulls);
  if (added.catalog && !first.catalog && !first.tables.empty()) signs_.set(Sign::union_catalog);
  const bool reads_other = !added.tables.empty() && !first.tables.empty() &&
                           std::none_of(added.tables.begin(), added.tables.end(),
                                        [&](std::string_view table) { return first.tables.contains(table); });
  const bool padded = added.nulls > 1 || (added.outputs > 2 && added.constants >= added.outputs - 1);
  if (reads_other && padded && first.constants < added.constants) signs_.set(Sign::union_padded);
}

}  // namespace dbgate::sql
