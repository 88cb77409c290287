#include "gateway/proof/removal.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

#include "gateway/auth/digests.h"
#include "gateway/proof/prove.h"

namespace dbgate::proof {
namespace {

constexpr std::string_view removed_mark = "removed ";
constexpr std::string_view last_mark = "last ";
constexpr std::string_view leaf_mark = "leaf ";

Error malformed(const char* what) {
  return {sqlstate::invalid_parameter_value, std::string("is no note of a removal: ") + what};
}

std::string base64_of(const TreeHash& hash) {
  return auth::base64_encode({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

// Whether the line is of this kind, and what it says.
bool says(std::string_view line, std::string_view mark, std::string_view& what) {
  if (!line.starts_with(mark)) return false;
  what = line.substr(mark.size());
  return true;
}

Result<> read_line(std::string_view line, Removal& removal) {
  std::string_view what;
  if (says(line, removed_mark, what)) {
    const auto parsed = std::from_chars(what.data(), what.data() + what.size(), removal.segment);
    if (parsed.ec != std::errc() || parsed.ptr != what.data() + what.size())
      return malformed("its segment is no number");
  } else if (says(line, last_mark, what)) {
    removal.last_hash = what;
  } else if (says(line, leaf_mark, what)) {
    const std::string hash = auth::base64_decode(what);
    TreeHash& leaf = removal.leaves.emplace_back();
    if (hash.size() != leaf.size()) return malformed("a leaf is no hash in base64");
    std::copy(hash.begin(), hash.end(), leaf.begin());
  }
  return boost::system::in_place_value;
}

}  // namespace

std::string removal_path(const std::string& directory, const std::string& chain) {
  return directory + "/audit-" + chain + ".removed";
}

std::string sign_removal(const Removal& removal, const Key& key) {
  std::string more(removed_mark);
  more += std::to_string(removal.segment) + '\n';
  more.append(last_mark).append(removal.last_hash).append("\n");
  for (const TreeHash& leaf : removal.leaves)
    more.append(leaf_mark).append(base64_of(leaf)).append("\n");
  return sign_checkpoint(removal.checkpoint, key, more);
}

Result<RemovalNote> read_removal(std::string_view text) {
  RemovalNote read;
  DBGATE_TRY(read.note, read_note(text));
  Removal& removal = read.removal;
  removal.checkpoint = read.note.checkpoint;
  std::istringstream lines(read.note.text);
  for (std::string line; std::getline(lines, line);)
    DBGATE_CHECK(read_line(line, removal));
  TreeHash ignored{};
  if (removal.segment == 0 || removal.checkpoint.size == 0) return malformed("it does not say what was removed");
  if (!read_hex(removal.last_hash, ignored)) return malformed("it does not say which record was the last");
  if (removal.leaves.size() != removal.checkpoint.size % block_records) return malformed("leaves are missing");
  return read;
}

Result<std::optional<RemovalNote>> load_removal(const std::string& directory, const std::string& chain) {
  const std::string path = removal_path(directory, chain);
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    if (errno == ENOENT) return std::optional<RemovalNote>();
    return Error{sqlstate::io_error, "cannot read " + path + ": " + std::strerror(errno)};
  }
  std::ostringstream text;
  text << stream.rdbuf();
  DBGATE_TRY(RemovalNote read, read_removal(text.str()));
  if (chain_of(read.note.checkpoint) != chain)
    return Error{sqlstate::data_corrupted, "is about " + read.note.checkpoint.origin + ", which is another chain"};
  return std::optional(std::move(read));
}

Result<Frontier> tree_of(const Removal& removal, const std::vector<Block>& blocks) {
  const std::uint64_t whole = removal.checkpoint.size / block_records;
  Frontier tree;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(whole, blocks.size()); ++i)
    tree.add_subtree(blocks[i].root, block_level);
  for (const TreeHash& leaf : removal.leaves)
    if (tree.size() >= whole * block_records) tree.add_subtree(leaf, 0);
  if (tree.size() != removal.checkpoint.size || tree.root() != removal.checkpoint.root)
    return Error{sqlstate::data_corrupted, "the tree file does not lead to the root of the records that were removed"};
  return tree;
}

}  // namespace dbgate::proof
