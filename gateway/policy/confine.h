#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/policy/engine.h"
#include "gateway/policy/values.h"
#include "gateway/sql/facts.h"

// Rules over values: what a statement must say of the rows it takes before a rule counts. Inside policy/ only.
namespace dbgate::policy {

/// A column that every use of a relation must hold to one value.
struct Confinement {
  std::string schema, table;  ///< empty: of every relation of the rule
  std::string column;
  std::string attribute;             ///< of the principal, whose value it is; empty: written in the rule
  std::optional<std::string> value;  ///< nothing: the principal has no such attribute
};

/// `require` of a rule.
struct Requirements {
  bool where = false;
  std::vector<Confinement> values;
  std::size_t max_list = 0;   ///< 0: no limit
  std::size_t max_limit = 0;  ///< 0: none is asked for
  std::size_t max_rows = 0;   ///< 0: no limit
  bool reason = false;
  config::ApprovalRulePtr approval;  ///< null: nobody has to agree
};

/// Whether a rule counts for a use: yes, if the values that Bind will bring are right, or no.
struct Held {
  enum class State : std::uint8_t { yes, pending, no };
  State state = State::yes;
  std::string why;  ///< no: what is needed
};

/// Whether it changes rows.
bool is_change(sql::Effect effect);

/// Checks the values in one statement. Never shows a value, neither the statement's nor the principal's.
class ValueJudge {
 public:
  /// @param arguments  null: not known yet
  ValueJudge(const sql::Statement& statement, const NameContext& context, const Arguments* arguments)
      : statement_(statement), context_(context), arguments_(arguments) {}

  /// @param index  of the use in the statement's relations; `use` may be a child of that relation
  Held check(const Requirements& needed, std::size_t index, const sql::RelationUse& use, const std::string& schema,
             sql::Effect effect) const;

 private:
  using State = Held::State;
  struct Column {
    std::string name;
    catalog::Oid type = 0;
    std::string wanted;  ///< canonical
  };

  Held confined(const Confinement& rule, std::size_t index, const sql::RelationUse& use, const std::string& schema,
                sql::Effect effect) const;
  Held column_of(const Confinement& rule, const sql::RelationUse& use, const std::string& schema, Column& column) const;
  bool equality_is_certain() const;
  State rows_equal(const Column& column, std::size_t index) const;
  State inserted(const Column& column, std::size_t index) const;
  State updated(const Column& column, std::size_t index) const;

  State equals(const sql::Operand& operand, const Column& column) const;
  State any_equals(const sql::Operand& operand, const Column& column) const;
  State parameter_equals(const sql::Operand& operand, const Column& column, bool array) const;
  State argument_equals(const Argument& argument, catalog::Oid type, const Column& column) const;
  State array_equals(const Argument& argument, catalog::Oid element, const Column& column) const;
  bool constant_equals(const sql::Operand& operand, const Column& column) const;
  catalog::Oid cast_type(const sql::Operand& operand) const;
  catalog::Oid server_type(const sql::Operand& operand, const Column& column, bool array,
                           const Argument& argument) const;
  static bool means_one_thing(const Argument& argument, const Column& column);
  bool plain_list(const sql::Operand& list, const Column& column) const;
  catalog::Oid type_of(std::size_t relation, const std::string& column) const;
  bool used_alike(const sql::Operand& operand, const Column& column) const;

  Held counted(std::size_t index, sql::Effect effect, std::size_t most) const;
  Held short_lists(std::size_t most) const;
  std::optional<std::size_t> elements_in(const sql::Operand& list, bool& pending) const;
  Held limited(std::size_t most) const;

  const sql::Statement& statement_;
  const NameContext& context_;
  const Arguments* const arguments_;
};

}  // namespace dbgate::policy
