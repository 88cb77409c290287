#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/ports/block_index.h"
#include "gateway/search/terms.h"

namespace dbgate::search {

/// Makes blocks of the lines of segments.
class BlockBuilder {
 public:
  explicit BlockBuilder(const HashKey& key) : terms_(key) {}

  /// @param lines  whole ones, from `start` of the segment
  ports::LogBlock build(const std::string& chain, std::uint64_t segment, std::uint64_t start, std::string_view lines);

 private:
  RecordReader reader_;
  TermCollector terms_;
};

/// The hash that the last line of `lines` is sealed with; empty if it is no record.
std::string last_hash(std::string_view lines);

}  // namespace dbgate::search
