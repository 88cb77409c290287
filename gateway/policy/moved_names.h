#pragma once
#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "gateway/policy/engine.h"

namespace dbgate::policy {

/// What a transaction has done so far to what names stand for. Nobody else sees it before COMMIT, the catalog that
/// dbgate reads neither. What was taken away uncovers an object of the same name further down the search path; what was
/// brought may stand in front of one.
class MovedNames {
 public:
  /// A statement has been sent, or comes before the next one of the same text. What is undone counts on: nobody knows
  /// which objects of a name are left.
  void follow(const sql::Statement& statement);
  /// Whether names may stand for something else than the catalog says.
  bool any() const noexcept { return any_; }
  /// Whether an object of that name may have come to any schema.
  bool brings(const std::string& name) const { return anywhere_ || brought_.contains(name); }

 private:
  bool any_ = false;
  bool anywhere_ = false;  // some names are not known
  std::set<std::string> brought_;
};

/// Whether a statement but the last moves names, so that what comes behind it may mean something else by them.
bool moves_names_within(const sql::Script& script);

/// What to do where a statement is denied for what its names may stand for.
inline constexpr const char* moved_names_hint =
    "This transaction has changed the catalog: end it first, or write the schema before the name.";

/// The same where that is so because of the search path alone.
inline constexpr const char* several_names_hint =
    "The search path finds several relations of that name, and one of them may go before the statement runs: write the "
    "schema before the name.";

/// One way to read a statement.
struct Meaning {
  const sql::Statement& statement;  ///< names that may stand for several relations have a schema
  const NameContext& context;       ///< functions on the way look for names from some place of the path on
  const std::vector<bool>& chosen;  ///< by relation: whether it is one of those names
};
/// Calls `visit` for the ways in which the server may read the statement, until it returns false. Together they name
/// every relation that any name in it may stand for. None where the catalog leaves no choice.
///
/// Without NameContext::moved these are the ways beside that of the catalog: relations of the same name further down
/// the search path. The server looks names up when the statement's turn comes, which may be after others before it in a
/// pipeline, or a wait for a lock; until then somebody may have dropped or renamed what stood in front. Which of its
/// columns are read is not known of these.
void each_meaning(const sql::Statement& statement, const NameContext& context,
                  const std::function<bool(const Meaning&)>& visit);

}  // namespace dbgate::policy
