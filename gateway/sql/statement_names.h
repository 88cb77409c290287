#pragma once
#include "gateway/sql/facts.h"
#include "gateway/sql/parse_tree.h"

namespace dbgate::sql {

/// What a statement node is called and what it does as a whole.
struct StatementName {
  StatementKind kind = StatementKind::other;
  const char* tag = "";  ///< PostgreSQL's command tag, or close to it
  Effect effect = Effect::opaque;
  bool opaque = false;  ///< brings code or text that the tree does not show
};

/// kind `other` for nodes that are no statements.
StatementName statement_name(const Node* node);

}  // namespace dbgate::sql
