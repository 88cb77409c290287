#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/audit/segment.h"
#include "gateway/base/error.h"
#include "gateway/proof/note.h"
#include "gateway/proof/removal.h"

namespace dbgate::adapters {

struct RetentionOptions {
  std::string directory;
  std::int64_t max_age_us = 0;  ///< 0: of any age
  std::uint64_t max_bytes = 0;  ///< of all segments together, as they are on the disk; 0: any
};

/// What it rests on.
struct RetentionTies {
  /// Appends `audit.retention` with these members to the retention chain, and writes it out.
  std::function<Result<>(const std::string& fields)> record;
  /// The segment of the chain that not all sinks have yet; without a value: nobody waits for any. 0: all wait.
  std::function<std::optional<std::uint64_t>(const std::string& chain)> awaited;
  /// Keeps a segment for whoever has a private key, before it goes. @return SHA-256 of the file, in hexadecimal.
  /// Empty: it goes for good.
  std::function<Result<std::string>(const std::string& chain, std::uint64_t number, const std::atomic<bool>& stop)>
      seal = {};
};

struct RetentionDone {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
};

/// Removes the oldest segments of a log that is too old or too large, or seals them. Used by one thread, of the process that signs.
///
/// Only what is closed, signed, delivered, read again and found to be what was signed; never a chain's last records,
/// and none of the retention chain. First it is recorded, then the removal is signed (proof/removal.h), then files go,
/// the oldest first: whenever the process ends in between, the log is whole, and the next run goes on.
class LogRetention {
 public:
  LogRetention(RetentionOptions options, proof::Key key, RetentionTies ties)
      : options_(std::move(options)), key_(std::move(key)), ties_(std::move(ties)) {}

  /// @param now_us  microseconds since 1970 UTC; 0: by size alone. @param stop  looked at now and then
  /// Errors: 58030, XX001 of the first chain that had one; others are done all the same.
  Result<RetentionDone> run(std::int64_t now_us, const std::atomic<bool>& stop);

 private:
  using Key = std::pair<std::string, std::uint64_t>;  // chain and number
  /// A segment that is closed.
  struct Closed {
    std::uint64_t number = 0;
    std::string path;
    std::uint64_t bytes = 0;  ///< on the disk
    std::uint64_t last = 0;   ///< sequence number of its last record; 0: it has none
    std::string last_hash;
    std::string last_time;  ///< when that was written, as the log writes it
  };
  struct Chain {
    std::vector<Closed> segments;  ///< that may go, the oldest first
    std::size_t due = 0;           ///< of them, these go
    const char* reason = "max_age";
  };
  using Chains = std::map<std::string, Chain>;

  Result<std::optional<proof::Removal>> removed(const std::string& chain) const;
  Result<std::uint64_t> first_to_stay(const std::string& chain) const;
  Result<> look(Chains& chains, std::uint64_t& total);
  Result<> look_at(const std::string& name, const std::vector<audit::SegmentFile>& segments, Chain& chain);
  Result<Closed> closed(const audit::SegmentFile& file);
  void choose(Chains& chains, std::uint64_t total, std::int64_t now_us) const;
  Result<proof::Removal> prove(const std::string& name, const Chain& chain, const std::atomic<bool>& stop) const;
  Result<> remove(const std::string& name, const Chain& chain, RetentionDone& done,
                  const std::atomic<bool>& stop) const;

  RetentionOptions options_;
  proof::Key key_;
  RetentionTies ties_;
  /// Chains that are not what was signed: reading them again and again would find the same.
  std::map<std::string, std::chrono::steady_clock::time_point> left_alone_until_;
  std::map<Key, Closed> known_;  ///< what was read of closed segments; they do not change
};

}  // namespace dbgate::adapters
