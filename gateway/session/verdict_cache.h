#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/base/keyed_hash.h"
#include "gateway/session/judge.h"
#include "gateway/sql/prescan.h"

namespace dbgate::policy {
class Grants;
}
namespace dbgate::catalog {
class Snapshot;
}

namespace dbgate::session {

/// Everything but the text that a verdict rests on. Resolver and closure are made of the rest, so whether there are any
/// is enough.
struct Premises {
  std::shared_ptr<const policy::Grants> grants;      ///< with the principal's attributes in them
  std::shared_ptr<const catalog::Snapshot> catalog;  ///< may be null
  bool resolves = false;
  bool closes = false;
  bool tracks = false;        ///< footprints are asked for, and …
  bool tracked = false;       ///< … the catalog for them is known
  bool passes_on = false;     ///< what statements leave behind is asked for, and …
  bool seen_through = false;  ///< … the catalog for that is known
  std::string database, account;
  std::vector<std::string> search_path;
  sql::ScanLimits limits;
};

/// Verdicts on texts, each together with what it rests on, so that a text that has been judged is not parsed again.
/// What a key is: text_key.h and docs/verdict-cache.md. Only what is allowed is kept.
///
/// Bounded by bytes: the verdict that was not asked for the longest goes first, for one that is asked for the second
/// time: statements that come once drive out nothing. What rests on grants or a catalog that
/// nobody judges by any more goes with them. One per thread; no locks.
class VerdictCache {
 public:
  /// Longer texts are not looked up: copying and comparing them would cost, and they rarely come again.
  static constexpr std::size_t max_text_bytes = 8 * 1024;

  explicit VerdictCache(std::size_t max_bytes);
  VerdictCache(std::size_t max_bytes, const HashKey& hash_key);
  VerdictCache(const VerdictCache&) = delete;
  VerdictCache& operator=(const VerdictCache&) = delete;

 private:
  /// A key with its hash.
  struct Sought {
    std::string_view key;
    std::uint64_t hash = 0;
  };
  struct Hash {
    using is_transparent = void;
    HashKey key;
    // Not noexcept: then libstdc++ keeps the hash with the entry, and does not make those of its neighbours again.
    std::size_t operator()(std::string_view text) const { return keyed_hash(key, text); }
    std::size_t operator()(const Sought& sought) const noexcept { return sought.hash; }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
    bool operator()(const Sought& sought, std::string_view key) const noexcept { return sought.key == key; }
    bool operator()(std::string_view key, const Sought& sought) const noexcept { return sought.key == key; }
  };
  struct Scope;
  struct Place {
    Scope* scope = nullptr;
    const std::string* key = nullptr;
  };
  using Order = std::list<Place>;  // the last one asked for first
  struct Entry {
    Judged judged;
    std::uint64_t hash = 0;  // of the key
    std::size_t bytes = 0;
    Order::iterator place;
  };
  /// Verdicts that rest on the same premises. Names objects that may be gone: an address that is used again is not
  /// taken for them.
  struct Scope {
    std::weak_ptr<const policy::Grants> grants;
    std::weak_ptr<const catalog::Snapshot> catalog;
    Premises premises;  // but for those two
    bool with_catalog = false;
    bool blind = false;
    std::size_t judges = 0;
    std::unordered_map<std::string, Entry, Hash, Same> entries;
    std::multimap<const policy::Grants*, Scope>::iterator self;
  };
  using Scopes = std::multimap<const policy::Grants*, Scope>;
  /// What is known of all keys whose hashes end alike: one look tells of most texts that they have not been here.
  struct Slot {
    static constexpr std::uint32_t most = 255;
    std::uint32_t kept : 8 = 0;   // how many verdicts are; `most` stays
    std::uint32_t seen : 24 = 0;  // of the hash of the last one that was not kept
  };

 public:
  /// A judge's share in the verdicts on its premises. Must not outlive the cache.
  class Use {
   public:
    Use() = default;
    Use(Use&& other) noexcept
        : cache_(std::exchange(other.cache_, nullptr)), scope_(std::exchange(other.scope_, nullptr)) {}
    Use& operator=(Use&& other) noexcept {
      std::swap(cache_, other.cache_);
      std::swap(scope_, other.scope_);
      return *this;
    }
    ~Use() {
      if (cache_ != nullptr) cache_->leave(*scope_);
    }
    /// Whether no rule looks at constants: keys may leave them out.
    bool blind() const noexcept { return scope_->blind; }

   private:
    friend VerdictCache;
    Use(VerdictCache& cache, Scope& scope) : cache_(&cache), scope_(&scope) {}
    VerdictCache* cache_ = nullptr;
    Scope* scope_ = nullptr;
  };

  /// `premises` must hold grants.
  Use enter(Premises premises);
  /// Null: not known. Valid until the next call.
  /// @param text  what the key was made of
  const Judged* find(const Use& use, std::string_view key, std::string_view text);
  /// False if keep() would not keep a verdict on this text, which find() was asked for last: so nobody makes one ready.
  /// The text is known by its place; if that has other bytes by now, the cache keeps one verdict more or less.
  bool has_room_for(std::string_view text) noexcept;
  /// Keeps it, unless it is too large or known, or there is no room and it comes for the first time.
  void keep(const Use& use, std::string_view key, Judged judged);

  /// For making keys in, so that sessions need no memory for it.
  std::string& scratch() noexcept { return scratch_; }

  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return order_.size(); }
  std::size_t scopes() const noexcept { return scopes_.size(); }

 private:
  void leave(Scope& scope) noexcept;
  void drop(Scope& scope) noexcept;
  void sweep() noexcept;
  bool is_full() const noexcept;
  bool comes_again(std::uint64_t hash) noexcept;
  Slot& slot_of(std::uint64_t hash) noexcept { return slots_[hash & (slots_.size() - 1)]; }
  void forget(const Entry& entry) noexcept;
  void drop_oldest() noexcept;
  static bool same(const Scope& scope, const Premises& premises);
  static bool outdated(const Scope& scope) noexcept;

  const std::size_t max_bytes_;
  const Hash hash_;
  std::size_t bytes_ = 0;
  Order order_;
  Scopes scopes_;
  Scopes::iterator swept_ = scopes_.end();  // where sweep() goes on
  std::vector<Slot> slots_;
  std::string_view missed_;        // the text that was last asked for in vain; its place may be gone
  std::uint64_t missed_hash_ = 0;  // of its key
  std::string scratch_;
};

/// The memory that a verdict in the cache takes, apart from what the allocator adds.
std::size_t bytes_of(const Judged& judged);

}  // namespace dbgate::session
