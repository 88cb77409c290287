#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace dbgate::audit {

/// The file audit-<chain>.tail: records that a chain has accepted and not written to its segment yet. It is there while
/// its process runs, and after a crash until the next start puts its records into a segment.
///
/// A header, then lines as in a segment. Records are accepted when `used` is set behind them, so one that was cut off
/// is not there at all. Once they are in the segment, `used` becomes 0 and `round` another number.
struct TailHeader {
  static constexpr std::array<char, 16> expected = {'d', 'b', 'g', 'a', 't', 'e',  ' ', 't',
                                                    'a', 'i', 'l', ' ', '1', '\n', 0,   0};
  std::array<char, 16> magic = expected;
  std::uint64_t round = 0;  ///< in the byte order of the machine, like `used`
  std::uint64_t used = 0;   ///< bytes of records behind the header
};
static_assert(sizeof(TailHeader) == 32);

/// Who reads the tail first and the segments afterwards misses nothing; what stands in both has the same sequence
/// number.
struct Tail {
  std::string chain;
  std::vector<std::string> lines;  ///< without their newlines; not verified
};

/// Without lines if there is no such file. May be called while the file is written.
Tail read_tail(const std::string& path, std::string chain);
/// Those of a directory, by chain.
std::vector<Tail> read_tails(const std::string& directory);

std::string tail_path(const std::string& directory, const std::string& chain);

}  // namespace dbgate::audit
