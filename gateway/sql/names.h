#pragma once
#include <string>

namespace dbgate::sql {

/// A possibly qualified name exactly as PostgreSQL's parser understood it: folded, unescaped, truncated by its rules.
struct QualifiedName {
  std::string catalog;  ///< empty if not written
  std::string schema;   ///< empty if not written
  std::string name;
  friend bool operator==(const QualifiedName&, const QualifiedName&) = default;
};

}  // namespace dbgate::sql
