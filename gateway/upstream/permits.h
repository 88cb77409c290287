#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/net/reactor.h"
#include "gateway/upstream/fair_shares.h"

namespace dbgate::upstream {

struct LinkCargo;
struct DatabasePlace;

/// Who may have how many server connections of a target, over all threads. A permit is global, a connection belongs to
/// a thread: what a thread gives up lets another open one of its own.
///
/// Whoever finds no permit waits in one line for all threads; each thread says how its first one ranks. While somebody
/// waits, every thread is asked for connections that nobody uses at the moment.
class PermitBook {
 public:
  using Clock = std::chrono::steady_clock;

  /// One thread, as the book knows it. Its functions are called from any thread, under no lock.
  struct Party {
    std::function<void(const std::string& target)> granted;  ///< it has a permit that it waited for
    std::function<void(const std::string& target)> wanted;   ///< others wait: give up what nobody uses
    /// In place of a permit: a connection that has one.
    std::function<void(std::shared_ptr<LinkCargo>)> handed;
    /// Somebody wants to be alone with that database: end what nobody uses of its connections.
    std::function<void(std::shared_ptr<const DatabasePlace>)> vacate;
    net::Executor executor;  ///< of its thread
  };

  void join(Party* party);
  /// Tells all of them.
  void vacate(const std::shared_ptr<const DatabasePlace>& place) const;

  /// Of every target's connections this process has its part: the one at `place` (from 0) of `count`. One at least.
  void divide(std::size_t place, std::size_t count);
  /// Whether more connections of the target are open than may be, since its limit or this process's part became less.
  bool over(const std::string& target) const;

  /// Takes a permit at once, or says that there is none. `max` is the limit in force; 0: no limit.
  bool try_take(const std::string& target, std::size_t max);
  /// Stands in line for one. `rank` is that of the first who waits on that thread.
  void stand_in_line(const std::string& target, Party* party, Rank rank);
  /// No more than `waiting` of `party` stand in line still; who came first leaves it. A permit may be on its way to
  /// somebody who was served otherwise: it serves the next one there, whose place in line has to go then.
  /// @return whether somebody left, and others wait behind
  bool leave_only(const std::string& target, Party* party, std::size_t waiting, Rank rank);
  /// A permit is free: who comes first has it now.
  void give(const std::string& target);

  /// Takes whoever is first out of the line, unless it is `but`: to be handed a connection. Null: there is nobody.
  Party* call_next(const std::string& target, const Party* but);

  /// How many wait for the target, to be kept: the look-up is done once. Right as of a moment ago.
  std::shared_ptr<const std::atomic<int>> line_of(const std::string& target);
  /// Counts the changes that sessions have made to the target's catalog, to be kept.
  std::shared_ptr<std::atomic<std::uint64_t>> catalog_changes_of(const std::string& target);
  /// How the first of the other threads ranks; none: nobody waits there.
  std::optional<Rank> others_first(const std::string& target, const Party* party) const;
  /// Of a user of the target, to be kept.
  FairShare share_of(const std::string& target, const std::string& user, unsigned weight);
  std::size_t taken(const std::string& target) const;

  /// Whether one more permit may go to a connection that only listens: of `max`, one is always left for work.
  bool listen(const std::string& target, std::size_t max);
  void listen_no_longer(const std::string& target);

 private:
  /// One thread in the line.
  struct Place {
    std::size_t waiting = 0;
    Rank rank;
  };
  struct Book {
    std::size_t asked = 0;  // max of all processes
    std::size_t max = 0;    // of this one
    std::size_t taken = 0;
    std::size_t listening = 0;     // connections that have a permit, or will
    std::map<Party*, Place> line;  // each with somebody who waits
    std::shared_ptr<std::atomic<int>> waiting = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<FairShares> shares = std::make_shared<FairShares>();
    std::shared_ptr<std::atomic<std::uint64_t>> catalog_changes = std::make_shared<std::atomic<std::uint64_t>>(0);
  };
  Book& book(const std::string& target);
  static Party* first_of(const Book& book, const Party* but);
  static Party* leave_first(Book& book, const Party* but);
  static void note_length(Book& book);
  std::size_t part_of(std::size_t max) const;

  mutable std::mutex mutex_;
  std::map<std::string, Book, std::less<>> books_;
  std::deque<Party*> parties_;
  std::size_t place_ = 0;
  std::size_t count_ = 1;
};

/// One server connection's place in the book; given back when it is dropped.
class Permit {
 public:
  Permit() = default;
  Permit(PermitBook& book, std::string target) : book_(&book), target_(std::move(target)) {}
  Permit(Permit&& other) noexcept : book_(std::exchange(other.book_, nullptr)), target_(std::move(other.target_)) {}
  Permit& operator=(Permit&& other) noexcept {
    std::swap(book_, other.book_);
    std::swap(target_, other.target_);
    return *this;
  }
  ~Permit() {
    if (book_ != nullptr) book_->give(target_);
  }
  explicit operator bool() const noexcept { return book_ != nullptr; }

 private:
  PermitBook* book_ = nullptr;
  std::string target_;
};

}  // namespace dbgate::upstream
