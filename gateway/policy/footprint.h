#pragma once
#include <chrono>
#include <vector>

#include "gateway/policy/engine.h"

namespace dbgate::policy {

/// What a statement text means for results that are kept (docs/read-cache.md).
struct Footprint {
  bool writes_anything = false;  ///< what it may change cannot be told: nothing kept of the database holds
  bool binds = false;  ///< leaves something in its session that later results may depend on, other than by SET
  std::vector<catalog::Oid> writes;  ///< tables that it may change
  std::vector<catalog::Oid> reads;   ///< tables that its result comes from; only if `ttl` is set
  std::chrono::milliseconds ttl{0};  ///< its result may be so old; 0: it is never kept

  bool cacheable() const noexcept { return ttl.count() > 0; }
  bool says_something() const noexcept { return writes_anything || binds || !writes.empty() || cacheable(); }
};

/// Pure. What cannot be told is taken for the worse: as a write of anything, and as not to be kept.
/// @param script  what was judged
/// @param sent    the facts of what the server is given in its place, where masks and filters are in it; else null
/// @param closure of the current catalog; null: it is not known
Footprint footprint_of(const Grants& grants, const sql::Script& script, const sql::Script* sent,
                       const catalog::Closure* closure, const catalog::SearchPath& path);

/// Whether the principal has reads that may be kept.
bool caches_reads(const Grants& grants);

/// Whether a text of SQL could hold one of the words that PostgreSQL reads as a time relative to now, such as 'today',
/// also where it is spelt with escapes.
bool may_say_now(std::string_view sql);
/// The same of values, where everything stands for itself.
bool holds_now(std::string_view values);

/// Whether a function of pg_catalog, STABLE by its declaration, gives the same for the same arguments as long as the
/// session's settings are the same.
bool is_steady(std::string_view name);

}  // namespace dbgate::policy
