#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/base/keyed_hash.h"
#include "gateway/session/write_ledger.h"

namespace dbgate::session {

/// What the frontend was sent for one statement, up to and with CommandComplete.
struct KeptResult {
  std::string messages;
  std::string tag;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  ///< as its first outcome record has them
};
using KeptResultPtr = std::shared_ptr<const KeptResult>;

/// Results of one thread (docs/read-cache.md). Bounded by bytes; the one that was not asked for the longest goes first.
/// Whole keys are compared. No locks: what sessions of other threads write shows in the ledgers.
class ReadCache {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ReadCache(std::size_t max_bytes);
  ReadCache(const ReadCache&) = delete;
  ReadCache& operator=(const ReadCache&) = delete;

  /// Null: none is kept that may be given out at `now`.
  KeptResultPtr find(std::string_view key, Clock::time_point now);
  /// @param ledger of the watch
  /// @param until  when it is too old
  void keep(std::string key, KeptResultPtr result, std::shared_ptr<const WriteLedger> ledger, WriteLedger::Watch watch,
            Clock::time_point until);

  /// Larger results are not worth their room.
  std::size_t max_result_bytes() const noexcept { return max_bytes_ / 16; }
  /// For making keys in, so that sessions need no memory for it.
  std::string& scratch() noexcept { return scratch_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    HashKey key;
    std::size_t operator()(std::string_view text) const noexcept { return keyed_hash(key, text); }
  };
  using Order = std::list<const std::string*>;  // of keys, the last one asked for first
  struct Entry {
    KeptResultPtr result;
    std::shared_ptr<const WriteLedger> ledger;
    WriteLedger::Watch watch;
    Clock::time_point until;
    std::size_t bytes = 0;
    Order::iterator place;
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
  void drop(Entries::iterator entry) noexcept;

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  Entries entries_;
  Order order_;
  std::string scratch_;
};

}  // namespace dbgate::session
