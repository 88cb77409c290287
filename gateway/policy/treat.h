#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "gateway/policy/engine.h"

namespace dbgate::policy {

/// What a principal sees in place of one relation that a statement reads.
struct Treatment {
  struct Column {
    std::size_t index = 0;  ///< into Relation::columns
    config::MaskKind kind = config::MaskKind::null;
  };
  std::size_t use = 0;  ///< into Statement::relations
  const catalog::Relation* relation = nullptr;
  std::vector<Column> masks;            ///< by index, one each
  std::vector<std::string> conditions;  ///< SQL; rows for which all hold are seen
  bool fenced = false;                  ///< nothing of the statement may see a row before the conditions have
  /// … and the planner none of its statistics, which are of all rows: it tries operators on them.
  bool veiled = false;
};

/// What has to happen to a statement that is allowed, before it may run.
struct Treatments {
  std::vector<Treatment> list;
  /// Views that show what is hidden: their definitions take their place, and the outcome is treated again.
  struct View {
    std::size_t use = 0;
    const catalog::Relation* relation = nullptr;
    bool fenced = false;
  };
  std::vector<View> views;
  std::vector<std::string> masked;  ///< schema.table.column, for the record
  bool hashes = false;              ///< needs the key
  std::string denied;               ///< why it cannot be done; else empty
  std::string hint;
  std::string rule_id;
};

/// What masks and row filters make of a statement. All that could show what is hidden and cannot be treated is denied.
/// Pure.
Treatments treat(const Grants& grants, const sql::Statement& statement, const NameContext& context);

/// The SELECT of a view, without a semicolon; empty if the catalog does not say.
std::string definition_of_view(const catalog::Snapshot& snapshot, const catalog::Relation& view);

/// Whether the principal has masks or row filters at all.
bool hides(const Grants& grants);

/// Whether some rows of the relation itself may be left out.
bool filters(const Grants& grants, std::string_view schema, std::string_view relation);

/// What the server must be told for them.
struct ServerNeeds {
  std::map<std::string, std::string> settings;  ///< names and values
  bool hash_key = false;
};
ServerNeeds server_needs(const Grants& grants);

}  // namespace dbgate::policy
