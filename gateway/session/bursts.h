#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace dbgate::session {

/// How often one caller has been refused, and has asked the system catalog, within the last minute: all sessions of it
/// on one gateway together (rule IJ-09). Any thread; no locks.
class Burst {
 public:
  enum class Of : std::uint8_t { refusal, probe };
  static constexpr std::int64_t window = 60;          ///< seconds
  static constexpr std::uint32_t most_refusals = 20;  ///< syntax errors and denials
  static constexpr std::uint32_t most_probes =
      1'000;  ///< statements on the catalog: a browser of schemas sends hundreds

  /// @param now  seconds since 1970 UTC
  void note(Of what, std::int64_t now) noexcept;
  /// Whether there has been too much, and not a minute has gone by since.
  bool goes_on(std::int64_t now) const noexcept { return now < until_.load(std::memory_order_relaxed); }
  /// Whether goes_on() has to be asked at all.
  bool was_ever() const noexcept { return until_.load(std::memory_order_relaxed) != 0; }

 private:
  static constexpr std::int64_t slice = 10;  // seconds
  static constexpr std::size_t slices = window / slice;
  /// Counts of ten seconds: which ten in the upper half, how many in the lower one.
  using Slices = std::array<std::atomic<std::uint64_t>, slices>;

  std::array<Slices, 2> counts_{};
  std::atomic<std::int64_t> until_ = 0;
};

/// The bursts of all callers who have sessions, and of those who had some a moment ago. A lock at login only.
class Bursts {
 public:
  /// The same for all that ask for a caller. What nobody holds is forgotten once it is over and there are many.
  std::shared_ptr<Burst> of(const std::string& caller, std::int64_t now);

 private:
  static constexpr std::size_t many = 10'000;

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Burst>> by_caller_;
  std::size_t swept_at_ = many;
};

}  // namespace dbgate::session
