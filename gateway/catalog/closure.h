#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gateway/catalog/contents.h"

namespace dbgate::catalog {

/// How one object was reached from another.
enum class Edge : std::uint8_t {
  direct,    ///< the statement itself names it
  contents,  ///< a text of the object before names it
  rule,
  trigger,
  row,  ///< a trigger function reads the row it fires for
  foreign_key,
  descendant,  ///< a child or partition
  base,        ///< what an updatable view writes to
  expression,  ///< default, CHECK, generated column, index, policy
  domain_check,
  cast,
  aggregate
};

struct Step {
  Edge edge = Edge::direct;
  bool is_function = false;
  Oid object = 0;
  std::string_view name;  ///< of the trigger or rule; lives as long as the snapshot
  std::uint32_t before = UINT32_MAX;
};

/// What PostgreSQL will come to when it runs a statement.
struct Reach {
  struct OfRelation {
    Touch touch;         ///< everything done to it, taken together
    std::uint32_t step;  ///< how it was reached first
    /// The same of what is done to it beneath something else, and how it was reached so first. None: the statement's
    /// own words are all.
    Touch beneath;
    std::uint32_t beneath_step = UINT32_MAX;
  };
  struct OfFunction {
    Oid function;
    std::uint32_t step;
  };
  struct Opaque {
    std::string why;
    std::uint32_t step;  ///< at the object that cannot be seen through
  };
  std::vector<OfRelation> relations;  ///< those that were given too
  std::vector<OfFunction> functions;  ///< all that may be called, those of pg_catalog too
  std::vector<Opaque> opaque;
  sql::EffectSet effects;  ///< of all statements on the way, not of what was given
  std::vector<sql::SettingUse> settings;
  bool of_moment = false;  ///< something on the way is as Contents::of_moment
  std::vector<Step> steps;
};

/// The way to a step, for people: "view shop.v → function shop.f → table shop.cards".
std::string path_text(const Snapshot& snapshot, const Reach& reach, std::uint32_t step);

/// Follows statements through the catalog: views, rules, triggers, foreign keys, partitions, functions, expressions.
///
/// Every text of the catalog is read once and kept. Any number of threads may ask at once; they share a lock that is
/// held only to look up and to keep what was read.
class Closure {
 public:
  using Closed = std::function<bool(const Function&)>;

  explicit Closure(std::shared_ptr<const Snapshot> snapshot);
  ~Closure();
  Closure(const Closure&) = delete;
  Closure& operator=(const Closure&) = delete;

  /// @param functions called by the statement itself, operators' and casts' functions too
  /// @param types that the statement casts to
  /// @param path of the session; functions without a search_path of their own find names by it
  /// @param closed  functions that are not looked into; null: into all
  Reach of(std::span<const Touch> touches, std::span<const Call> functions, std::span<const Oid> types,
           const SearchPath& path, const Closed& closed = nullptr) const;

  /// All that one statement comes to; its facts resolved with the same snapshot and path. Relations that the snapshot
  /// does not have are left out: whoever judges the statement knows them by their names.
  Reach of(const sql::Statement& statement, const SearchPath& path, const Closed& closed = nullptr) const;

  const Snapshot& snapshot() const noexcept { return *snapshot_; }

 private:
  friend class ClosureWalk;
  class Kept;

  std::shared_ptr<const Snapshot> snapshot_;
  ContentsReader reader_;
  std::unique_ptr<Kept> kept_;
  std::vector<const Cast*> user_casts_;  // whose functions are no built-in ones
};

}  // namespace dbgate::catalog
