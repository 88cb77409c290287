#pragma once
#include <string>
#include <string_view>

#include "gateway/risk/assess.h"
#include "gateway/sql/facts.h"

namespace dbgate::models {

/// What a model is told of a statement.
///
/// A JSON object that is written from facts and the catalog: words of closed lists, numbers, and nothing of the
/// statement's text. No literal, comment, alias, name, value of a parameter, row or reason is in it; relations are T1,
/// T2, … with columns C1, C2, …, and what the catalog does not know is counted. Comments, blanks, casing, aliases and
/// the way identifiers are written leave it the same, byte for byte.
struct Brief {
  std::string body;
  /// Of whatever an answer may depend on: the body, which relations and functions are meant, and `context`. Equal keys
  /// may have one answer. Empty: every statement has its own (what runs is not in the facts, or a rule says critical).
  std::string key;
};

struct BriefOptions {
  bool names = false;        ///< relations and columns that the catalog knows by name, where these are plain words
  std::string_view context;  ///< the target, its database and the version of its policies and catalog; for `key` alone
};

/// Pure. `circumstances` are those of risk::assess(); the rules are asked again, without what they make of comments and
/// of how text is written: models see none of that and are not to be steered by it.
Brief make_brief(const sql::Statement& statement, const risk::Circumstances& circumstances,
                 const BriefOptions& options = {});

}  // namespace dbgate::models
