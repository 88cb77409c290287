#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/proof/entries.h"
#include "gateway/proof/merkle.h"

// What is kept of a chain's tree: audit-<chain>.tree. It can be made again from the segments as long as all of them are
// there, and proves nothing by itself.
namespace dbgate::proof {

/// Trees are kept down to subtrees of 256 records; below that their segments are read.
inline constexpr unsigned block_level = 8;
inline constexpr std::uint64_t block_records = std::uint64_t{1} << block_level;

struct Block {
  TreeHash root{};
  Place place;  ///< of its first record
};

std::string tree_path(const std::string& directory, const std::string& chain);
/// A file begins with these 16 bytes; 48 follow for each block: its root, segment and offset (little-endian).
extern const std::string_view tree_file_start;
std::string bytes_of(const Block& block);
inline constexpr std::size_t block_bytes = 48;

/// All whole blocks of a file; none if it is not there. Errors: 58030; XX001 it is no such file.
Result<std::vector<Block>> read_tree(const std::string& path);

}  // namespace dbgate::proof
