#include "gateway/proof/tree_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace dbgate::proof {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    out += static_cast<char>(number >> shift & 0xff);
}

std::uint64_t number_at(std::string_view text) {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < 8; ++i)
    number |= std::uint64_t{static_cast<unsigned char>(text[i])} << 8 * i;
  return number;
}

}  // namespace

const std::string_view tree_file_start("dbgate tree 1\n\0\0", 16);

std::string tree_path(const std::string& directory, const std::string& chain) {
  return directory + "/audit-" + chain + ".tree";
}

std::string bytes_of(const Block& block) {
  std::string bytes(block.root.begin(), block.root.end());
  append_number(bytes, block.place.segment);
  append_number(bytes, block.place.offset);
  return bytes;
}

Result<std::vector<Block>> read_tree(const std::string& path) {
  std::vector<Block> blocks;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    if (errno == ENOENT) return blocks;
    return Error{sqlstate::io_error, "cannot read " + path + ": " + std::strerror(errno)};
  }
  std::ostringstream read;
  read << stream.rdbuf();
  const std::string text = read.str();
  std::string_view rest = text;
  // A machine that crashed may have left the file without all of its first bytes.
  if (tree_file_start.starts_with(rest)) return blocks;
  if (!rest.starts_with(tree_file_start)) return Error{sqlstate::data_corrupted, path + " is no tree of an audit log"};
  rest.remove_prefix(tree_file_start.size());
  for (; rest.size() >= block_bytes; rest.remove_prefix(block_bytes)) {
    Block block;
    std::copy_n(rest.begin(), block.root.size(), block.root.begin());
    block.place = {number_at(rest.substr(32)), number_at(rest.substr(40))};
    blocks.push_back(block);
  }
  return blocks;
}

}  // namespace dbgate::proof
