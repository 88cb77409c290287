#include "gateway/audit/tail.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace dbgate::audit {
namespace {

constexpr std::string_view prefix = "audit-";
constexpr std::string_view suffix = ".tail";
constexpr std::uint64_t max_tail_bytes = 64u << 20;  // far more than any has; a damaged header may say anything

// How often a tail that is written to is read again. It takes its process milliseconds to fill it once.
constexpr int most_attempts = 100;

bool read_header(std::ifstream& stream, TailHeader& header) {
  stream.clear();
  stream.seekg(0);
  return stream.read(reinterpret_cast<char*>(&header), sizeof header) && header.magic == TailHeader::expected;
}

// The records of a tail, all of the same round. Empty if there are none.
std::string read_records(const std::string& path) {
  std::ifstream stream;
  stream.rdbuf()->pubsetbuf(nullptr, 0);  // every look is at the file
  stream.open(path, std::ios::binary);
  std::string text;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    TailHeader header;
    if (!read_header(stream, header) || header.used > max_tail_bytes) return {};
    text.resize(header.used);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    TailHeader after;
    if (read_header(stream, after) && after.round == header.round) return text;
  }
  return text;
}

}  // namespace

Tail read_tail(const std::string& path, std::string chain) {
  Tail tail;
  tail.chain = std::move(chain);
  std::istringstream records(read_records(path));
  for (std::string line; std::getline(records, line);)
    tail.lines.push_back(std::move(line));
  return tail;
}

std::vector<Tail> read_tails(const std::string& directory) {
  std::vector<Tail> tails;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() <= prefix.size() + suffix.size()) continue;
    tails.push_back(
        read_tail(entry.path().string(), name.substr(prefix.size(), name.size() - prefix.size() - suffix.size())));
  }
  std::sort(tails.begin(), tails.end(), [](const Tail& a, const Tail& b) { return a.chain < b.chain; });
  return tails;
}

std::string tail_path(const std::string& directory, const std::string& chain) {
  return directory + "/" + std::string(prefix) + chain + std::string(suffix);
}

}  // namespace dbgate::audit
