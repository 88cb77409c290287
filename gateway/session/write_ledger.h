#pragma once
#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dbgate::session {

/// Which tables of one database are being changed, and which have been since: what every session on it, on any thread,
/// tells before a statement that may change a table is forwarded, and again when its transaction is over.
///
/// Tables share places by their OIDs: what is told of one holds for all of its place, which costs results that would
/// still have been good and nothing else. Lock-free.
class WriteLedger {
 public:
  static constexpr std::size_t places = 256;
  static constexpr std::size_t anything = 0;  ///< the place of what cannot be told
  using Places = std::bitset<places>;

  static std::size_t place_of(std::uint32_t table) noexcept { return 1 + table % (places - 1); }

  /// From now on nothing that reads there is kept, and what was kept does not hold.
  void begin(const Places& written) noexcept;
  /// The transaction that has written there is over, one way or the other.
  void end(const Places& written) noexcept;

  /// What a result rests on: the state of its tables when it was asked for.
  class Watch {
   public:
    std::size_t bytes() const noexcept { return seen_.capacity() * sizeof seen_[0]; }

   private:
    friend WriteLedger;
    struct Seen {
      std::size_t place;
      std::uint64_t generation;
    };
    std::vector<Seen> seen_;
  };
  /// To be taken before the statement is forwarded. None: one of the tables is being changed.
  std::optional<Watch> watch(std::span<const std::uint32_t> tables) const;
  /// Whether nobody has begun to change any of the tables since.
  bool holds(const Watch& watch) const noexcept;

 private:
  struct Place {
    std::atomic<std::uint64_t> generation{0};
    std::atomic<std::uint32_t> writers{0};
  };
  std::array<Place, places> places_;
};

/// The ledgers of all databases. Two targets with databases of one name may lead to one and the same, by whatever names
/// of hosts: they share a ledger. Any thread; used at logins only.
class WriteLedgers {
 public:
  std::shared_ptr<WriteLedger> of(const std::string& database);
  /// Nothing that was kept so far holds: a server has taken another's place, and may lack what was read there.
  void forget_all();

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<WriteLedger>, std::less<>> ledgers_;
};

}  // namespace dbgate::session
