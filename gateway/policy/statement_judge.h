#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/policy/confine.h"
#include "gateway/policy/grants.h"

// The judgement of one statement by what is granted. Inside policy/ only.
namespace dbgate::policy {

/// PostgreSQL's word for an effect, for messages.
const char* word_of(sql::Effect effect);

inline bool has(const sql::EffectSet& effects, sql::Effect effect) {
  return effects.test(static_cast<std::size_t>(effect));
}

/// Judges one statement; stops at the first thing that is not allowed.
class StatementJudge {
 public:
  StatementJudge(const Grants& grants, const sql::Statement& statement, const NameContext& context,
                 const Arguments* arguments)
      : grants_(grants),
        allow_(grants.allow),
        statement_(statement),
        context_(context),
        values_(statement, context, arguments) {}

  Verdict run();

 private:
  bool filters_rest_on_time() const;
  std::string fixed_setting();         // what nobody may set; empty: nothing of the kind
  std::string misread_name() const;    // what the server may take for something else; empty: nothing
  std::string temporary_name() const;  // made where it would hide what is in pg_catalog; empty: nothing
  std::string missing_grant();         // what is not granted; empty: everything is
  std::string check_effects();
  std::string check_relations();
  std::string check_relation(const sql::RelationUse& use);
  std::string check_descendants(const sql::RelationUse& use, const std::string& schema);
  std::string check_truncated(const sql::RelationUse& use);
  std::string check_one(const sql::RelationUse& use, const std::string& schema);
  std::string check_functions();
  std::string check_types();
  bool keeps_search_path(const sql::SettingUse& use) const;
  std::string check_settings();
  std::string check_objects();
  std::string schema_of_type(const sql::QualifiedName& object) const;
  bool is_seen_in_part(const std::string& schema, const std::string& relation) const;
  std::string check_columns(const sql::RelationUse& use, const std::string& schema, sql::Effect effect,
                            const sql::ColumnUse* columns);
  /// What several rules give together to one use of a relation.
  struct Given {
    bool any = false;
    bool needs_where = false;
    bool all_columns = false;
    std::vector<const std::vector<std::string>*> columns;  ///< those that the rules list
    bool pending = false;                                  ///< some rule counts if Bind's values are right
    bool limited = false;                                  ///< some rule counts for so many rows
    std::string needed;                                    ///< why a rule does not count
    std::size_t max_rows = 0;                              ///< the least of those that count; 0: none has a limit
    std::string max_rows_rule;
    bool approvable = false;                     ///< some rule counts if others agree
    std::vector<Hold> holds;                     ///< for those that count
    std::vector<const std::string*> for_a_time;  ///< those that count and will end
  };
  /// What is taken only where nothing else does.
  struct With {
    bool limited = false;
    bool pending = false;
    bool approval = false;
  };
  Given given(const sql::RelationUse& use, const std::string& schema, sql::Effect effect, With with);
  void limit_rows(const Given& all);
  void note_temporary(const Given& all);
  /// Where a name may lead: one schema, or all of the search path.
  class Schemas {
   public:
    explicit Schemas(std::string_view one) : one_(one), all_(&one_, 1) {}
    explicit Schemas(const std::vector<std::string>& all) : all_(all) {}
    Schemas(const Schemas&) = delete;
    Schemas& operator=(const Schemas&) = delete;
    std::span<const std::string> all() const { return all_; }

   private:
    std::string one_;
    std::span<const std::string> all_;
  };
  Schemas schemas_of(const sql::QualifiedName& name, bool relation) const;
  std::string not_allowed(sql::Effect effect, const std::string& on = {}) const {
    const std::string word = word_of(effect);
    return "no rule allows " + word + (on.empty() ? "" : " on " + on);
  }
  static std::string shown(const sql::QualifiedName& name) {
    return name.schema.empty() ? name.name : name.schema + "." + name.name;
  }

  const Grants& grants_;
  const RuleSet& allow_;
  const sql::Statement& statement_;
  const NameContext& context_;
  const ValueJudge values_;
  std::size_t index_ = 0;  // of the relation that is looked at
  bool looks_at_values_ = false;
  std::size_t max_rows_ = 0;
  std::string max_rows_rule_;
  std::vector<Hold> holds_;
  std::vector<std::string> for_a_time_;  // rules that it rests on and that will end
  std::string rule_;
};

}  // namespace dbgate::policy
