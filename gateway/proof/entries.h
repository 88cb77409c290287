#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/audit/record_hashes.h"
#include "gateway/audit/segment.h"
#include "gateway/base/error.h"
#include "gateway/proof/merkle.h"

namespace dbgate::proof {

/// Where a line of a chain begins.
struct Place {
  std::uint64_t segment = 1;
  std::uint64_t offset = 0;  ///< bytes from the segment's start
  friend bool operator==(const Place&, const Place&) = default;
};

/// A record, as trees have it.
struct Entry {
  TreeHash hash{};  ///< the record's own
  Place place;
  std::string_view line;  ///< until the next one is asked for

  audit::RecordHashes hex;  ///< views into it

  std::uint64_t sequence() const;
};

/// The records of a chain in its segments, one behind the other, also while they are written. They are not verified.
class Entries {
 public:
  /// @param from  where a record begins, or will
  Entries(std::string directory, std::string chain, Place from);
  Entries(const Entries&) = delete;
  Entries& operator=(const Entries&) = delete;

  /// Without a value: there is no further one yet; ask again. Errors: 58030 the segment cannot be read; XX001 what
  /// stands there is no record.
  Result<std::optional<Entry>> next();
  /// Behind the last one that was given.
  const Place& place() const noexcept { return place_; }

 private:
  Result<bool> open();
  std::string path(std::uint64_t segment) const;
  Result<bool> read_more();
  Result<bool> turn();
  Result<Entry> entry_of(std::string_view line) const;

  std::string directory_;
  std::string chain_;
  Place place_;
  std::optional<audit::Segment> segment_;
  std::string buffer_;    ///< of the segment, from place_ on
  std::size_t used_ = 0;  ///< bytes of it that were given
};

}  // namespace dbgate::proof
