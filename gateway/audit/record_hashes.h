#pragma once
#include <string_view>

namespace dbgate::audit {

/// The hashes of a sealed line by where they stand in it, in hexadecimal, for whoever reads many; empty if it does not
/// end as a record does.
struct RecordHashes {
  std::string_view prev_hash;
  std::string_view hash;
};
RecordHashes read_hashes(std::string_view line) noexcept;

}  // namespace dbgate::audit
