#pragma once
#include <string>
#include <vector>

#include "gateway/catalog/resolver.h"
#include "gateway/catalog/search_path.h"
#include "gateway/sql/bodies.h"

namespace dbgate::catalog {

/// A relation and what is done to it.
struct Touch {
  Oid relation = 0;
  sql::EffectSet effects;
  sql::ColumnUse reads;
  sql::ColumnUse writes;
  bool only = false;   ///< ONLY: not its descendants
  bool check = false;  ///< the server looks for a key of its own accord; nothing of it is shown
};

/// A function and how it came to be called.
struct Call {
  Oid function = 0;
  bool named = true;  ///< by its name; false: by an operator or a cast, so that others of the same name may be meant
};

/// What one text of the catalog (a view, a rule, the body of a function, an expression) does by itself.
struct Contents {
  std::vector<Touch> touches;  ///< in the order of the text
  std::vector<Call> calls;
  std::vector<Oid> types;  ///< that values are cast to
  sql::EffectSet effects;
  std::vector<sql::SettingUse> settings;
  sql::ColumnUse row;                    ///< trigger functions: what they read of OLD and NEW
  std::vector<std::string> unknown;      ///< functions: relations that neither the snapshot has nor the body makes
  std::vector<std::string> view_writes;  ///< views: for each column the column of the first relation, or nothing
  bool opaque = false;
  bool of_moment = false;  ///< asks for the time or the database by a word of the grammar, such as CURRENT_DATE
  std::string why;
};

/// Reads texts as of one snapshot. Pure: every answer depends on the arguments and the snapshot alone.
class ContentsReader {
 public:
  explicit ContentsReader(const Snapshot& snapshot);

  /// Relations that the snapshot does not have are left out.
  Contents statement(const sql::Statement& statement, const SearchPath& path) const;
  Contents function(const Function& function, const SearchPath& path) const;
  Contents rule(const Rule& rule) const;
  Contents expression(const Expression& expression) const;
  Contents domain(const Type& type) const;

 private:
  /// What is known of the names in one text.
  struct Names {
    const Resolver& resolver;
    std::vector<std::string> made = {};     // by the text itself, so that it may use them
    std::vector<std::string> unknown = {};  // used, and not in the snapshot
  };

  bool may_be_misread(const Function& function) const;
  void add(const sql::Statement& statement, Names& names, Contents& contents) const;
  void add_relation(const sql::RelationUse& use, Names& names, Contents& contents) const;
  void add_function(const sql::FunctionUse& use, const Resolver& resolver, Contents& contents) const;
  void add_all(std::span<const sql::Statement> statements, Contents& contents) const;
  void add_text(const std::string& text, Contents& contents) const;
  std::vector<std::string> writable_columns(const sql::Statement& query) const;

  const Snapshot& snapshot_;
  Resolver system_;  // texts that the server prints name the schema of everything but of what is in pg_catalog
};

}  // namespace dbgate::catalog
