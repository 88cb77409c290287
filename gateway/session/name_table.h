#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/session/fifo.h"

namespace dbgate::session {

/// Counts the stretches of the frontend's messages that end with a Sync or a Query: within one, a failure makes the
/// server skip the rest, so that a later message of the same stretch can rely on the earlier ones.
using Segment = std::uint64_t;

/// What the server holds under the names of prepared statements or portals, as far as its replies have confirmed it,
/// and what messages still under way will change.
///
/// A pipelining frontend may name a statement before the server has answered its definition. Which text the name then
/// stands for is certain in all but one case, and that case says `wait`: two definitions could be meant and only the
/// outstanding replies can tell. A note may stand beside a definition: what this naming alone has given to it.
template <class Definition>
class NameTable {
 public:
  using Pointer = std::shared_ptr<const Definition>;
  using Note = std::shared_ptr<const std::string>;
  enum class State : std::uint8_t { found, absent, wait };
  struct Lookup {
    State state = State::absent;
    Pointer definition;
    Note note;
  };

  Lookup find(std::string_view name, Segment now) const {
    if (blocked_ > 0) return {State::wait, nullptr, nullptr};
    const auto slot = slots_.find(as_the_server(name));
    if (slot == slots_.end()) return {State::absent, nullptr, nullptr};
    const Slot& entry = slot->second;
    if (entry.pending.empty()) return known(entry.confirmed);
    const Change& latest = entry.pending.back();
    if (latest.segment == now) return known(latest.meaning);
    // Whether earlier stretches succeed is open: certain only if every outcome names the same definition or none.
    Meaning candidate = entry.confirmed;
    for (const Change& change : entry.pending) {
      if (!change.meaning.definition || change.meaning == candidate) continue;
      if (candidate.definition) return {State::wait, nullptr, nullptr};
      candidate = change.meaning;
    }
    return known(candidate);
  }

  /// The server looks at the first 63 bytes of a name only (PostgreSQL's NAMEDATALEN), also of those in messages: two
  /// that differ behind them are one.
  static std::string_view as_the_server(std::string_view name) { return name.substr(0, 63); }

  /// What the server holds under a name as of its last reply.
  Pointer confirmed(std::string_view name) const {
    const auto slot = slots_.find(as_the_server(name));
    return slot == slots_.end() ? nullptr : slot->second.confirmed.definition;
  }

  /// A message under way will make the name stand for `definition` (null: for nothing) if it succeeds.
  void pend(std::string_view name, Pointer definition, Segment segment, Note note = nullptr) {
    Slot& entry = slots_.try_emplace(std::string(as_the_server(name))).first->second;
    entry.pending.emplace_back() = {segment, {std::move(definition), std::move(note)}};
  }
  /// The oldest change under way for this name has succeeded or not.
  void settle(std::string_view name, bool succeeded) {
    const auto slot = slots_.find(as_the_server(name));
    if (slot == slots_.end() || slot->second.pending.empty()) return;
    Slot& entry = slot->second;
    if (succeeded) entry.confirmed = std::move(entry.pending.front().meaning);
    entry.pending.pop_front();
    if (!entry.confirmed.definition && entry.pending.empty()) drop(slot);
  }
  /// Defines or forgets a name at once (the server has confirmed it).
  void confirm(std::string_view name, Pointer definition) {
    slots_.try_emplace(std::string(as_the_server(name))).first->second.confirmed = {std::move(definition), nullptr};
  }
  void forget(std::string_view name) {
    const auto slot = slots_.find(as_the_server(name));
    if (slot == slots_.end()) return;
    slot->second.confirmed = {};
    if (slot->second.pending.empty()) drop(slot);
  }
  template <class Predicate>
  void forget_if(Predicate&& goes) {
    for (auto slot = slots_.begin(); slot != slots_.end();) {
      Slot& entry = slot->second;
      if (entry.confirmed.definition && goes(*entry.confirmed.definition)) entry.confirmed = {};
      const bool nothing = !entry.confirmed.definition && entry.pending.empty() && !slot->first.empty();
      slot = nothing ? slots_.erase(slot) : std::next(slot);
    }
  }
  /// While a statement is under way that may forget any name (DEALLOCATE ALL), every look-up must wait.
  void block() { ++blocked_; }
  void unblock() { --blocked_; }

  std::size_t size() const noexcept { return slots_.size(); }
  /// Whether no name stands for anything, nor may come to.
  bool nothing_defined() const noexcept {
    return blocked_ == 0 && std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) {
             return !slot.second.confirmed.definition && slot.second.pending.empty();
           });
  }

 private:
  struct Meaning {
    Pointer definition;
    Note note;
    bool operator==(const Meaning&) const = default;
  };
  struct Change {
    Segment segment = 0;
    Meaning meaning;
  };
  struct Slot {
    Meaning confirmed;
    Fifo<Change> pending;
  };
  using Slots = std::map<std::string, Slot, std::less<>>;
  // The unnamed one is soon there again.
  void drop(typename Slots::iterator slot) {
    if (!slot->first.empty()) slots_.erase(slot);
  }
  static Lookup known(const Meaning& meaning) {
    return {meaning.definition ? State::found : State::absent, meaning.definition, meaning.note};
  }

  Slots slots_;
  int blocked_ = 0;
};

}  // namespace dbgate::session
