#pragma once
#include <vector>

#include "gateway/policy/grants.h"

// What views show of what is hidden. Inside policy/ only.
namespace dbgate::policy {

/// Whether the relation is a view, materialized or not, and its rows come from something hidden.
bool shows_hidden(const Grants& grants, const sql::RelationUse& use, const catalog::Relation& relation,
                  const NameContext& context);

/// Whether what the masks on a view are on is nothing but columns that are masked as much where the view takes them
/// from: a pattern for relations means its tables and its views.
bool masked_at_source(const Hidden& hidden, const catalog::Relation& view,
                      const std::vector<const Hidden::Column*>& masks, const NameContext& context);

}  // namespace dbgate::policy
