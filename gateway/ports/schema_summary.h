#pragma once
#include <string>
#include <vector>

// What one user may know of a database's structure.
namespace dbgate::ports {

struct ColumnSummary {
  std::string name;
  std::string type;
  bool generated = false;
  bool masked = false;       ///< shown, but not as it is
  std::string references;    ///< schema.relation(column) of a foreign key, where the user may know that too
  std::string comment = {};  ///< what its owner wrote; empty: nothing
  bool nullable = true;
};

struct RelationOutline {
  std::string name;
  std::string kind;       ///< table, partitioned_table, view, materialized_view, foreign_table
  bool writable = false;  ///< the user may change some of it
  bool filtered = false;  ///< some rows are left out
  std::vector<ColumnSummary> columns;
  std::string comment = {};                           ///< what its owner wrote, where all columns are shown
  std::vector<std::vector<std::string>> unique = {};  ///< keys of which every column is shown
  bool has_primary = false;                           ///< the first of them is the primary key
};

struct FunctionOutline {
  std::string name;
  std::string kind;  ///< function, procedure, aggregate, window
  std::vector<std::string> arguments;
  std::string result;
};

struct SchemaOutline {
  std::string name;
  std::vector<RelationOutline> relations;
  std::vector<FunctionOutline> functions;
};

struct SchemaSummary {
  std::string target;
  std::string database;
  std::vector<SchemaOutline> schemas;
};

}  // namespace dbgate::ports
