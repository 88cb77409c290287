#pragma once
#include <cstddef>

namespace dbgate::sql {

/// Work that one statement may cause beyond one look at each node of its tree. A hostile one stops here after
/// milliseconds; no statement that people or tools write comes near.
class Budget {
 public:
  static constexpr std::size_t deepest = 500;

  bool spend(std::size_t steps) {
    steps_ += steps;
    return !exhausted();
  }
  /// Puts a name into a sorted list of so many, which moves what comes behind it.
  bool spend_on_insert(std::size_t names) { return spend(1 + names / 2); }
  bool exhausted() const { return steps_ > most_steps; }
  void exhaust() { steps_ = most_steps + 1; }

 private:
  static constexpr std::size_t most_steps = 2'000'000;
  std::size_t steps_ = 0;
};

}  // namespace dbgate::sql
