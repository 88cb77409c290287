#include "gateway/adapters/blob_sweep.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <vector>

#include "gateway/adapters/posix_file.h"
#include "gateway/audit/tail.h"
#include "gateway/audit/verify.h"

namespace dbgate::adapters {
namespace {

namespace fs = std::filesystem;

constexpr std::time_t untouched_s = 3'600;
constexpr std::size_t digits = 64;
// Behind the name of a text while it is asked whether anybody names it.
constexpr std::string_view leaving = audit::leaving_text;

bool is_name(std::string_view name) {
  return name.size() == digits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Everything that can name a text ends its key so, whatever the record is about.
template <class Names>
void add_names(std::string_view line, Names& names) {
  constexpr std::string_view mark = "sha256\":\"";
  for (std::size_t at = line.find(mark); at != std::string_view::npos; at = line.find(mark, at)) {
    at += mark.size();
    const std::string_view name = line.substr(at, digits);
    if (is_name(name)) names.emplace(name);
  }
}

// Not used for a while, as far as the file says.
bool is_old(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  return status.st_mtime < std::time(nullptr) - untouched_s;
}

bool is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// Files of `blobs` whose name has this ending, without it.
std::vector<std::string> names_in(const std::string& blobs, std::string_view ending) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(blobs, failed)) {
    std::string name = entry.path().filename().string();
    if (!name.ends_with(ending)) continue;
    name.resize(name.size() - ending.size());
    if (is_name(name)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

// false: stopped.
Result<bool> BlobSweep::take_names(const std::string& path, Names& names, const std::atomic<bool>& stop) const {
  DBGATE_TRY(audit::Segment segment, audit::Segment::open(path));
  audit::SegmentLines lines(std::move(segment));
  for (std::string_view line;;) {
    if (stop) return false;
    DBGATE_TRY(const bool more, lines.next(line));
    if (!more) break;
    add_names(line, names);
  }
  add_names(lines.rest(), names);
  return true;
}

// All names in the log, its tails first: what leaves them meanwhile is in a segment.
Result<bool> BlobSweep::read_all(Names& named, const std::atomic<bool>& stop) {
  for (const audit::Tail& tail : audit::read_tails(directory_))
    for (const std::string& line : tail.lines)
      add_names(line, named);
  const std::vector<audit::SegmentFile> segments = audit::list_segments(directory_);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Key key{segments[i].chain, segments[i].number};
    const bool closed = i + 1 < segments.size() && segments[i + 1].chain == key.first;
    const auto known = closed_.find(key);
    if (known != closed_.end()) {
      named.insert(known->second.begin(), known->second.end());
      continue;
    }
    Names names;
    DBGATE_TRY(const bool whole, take_names(segments[i].path, names, stop));
    if (!whole) return false;
    named.insert(names.begin(), names.end());
    if (closed) closed_[key] = std::move(names);
  }
  return true;
}

Result<std::uint64_t> BlobSweep::sweep(const std::atomic<bool>& stop) {
  std::set<Key> now;
  for (const audit::SegmentFile& segment : audit::list_segments(directory_))
    now.emplace(segment.chain, segment.number);
  due_ = due_ || !std::includes(now.begin(), now.end(), seen_.begin(), seen_.end());
  seen_ = std::move(now);
  std::erase_if(closed_, [this](const auto& entry) { return seen_.count(entry.first) == 0; });
  if (!due_) return std::uint64_t{0};
  const std::string blobs = directory_ + "/blobs";
  const auto path = [&blobs](const std::string& name) { return blobs + "/" + name; };
  const auto give_back = [&path](const std::string& name) {
    return ::rename((path(name) + std::string(leaving)).c_str(), path(name).c_str()) == 0;
  };
  for (const std::string& name : names_in(blobs, leaving))  // of a process that ended in between
    if (!give_back(name)) return io_error("cannot name " + path(name));
  std::vector<std::string> old = names_in(blobs, "");
  std::erase_if(old, [&path](const std::string& name) { return !is_old(path(name)); });
  if (!old.empty()) {
    // Once for those that are named, so that none of them is without its name for as long as reading takes.
    Names named;
    DBGATE_TRY(const bool whole, read_all(named, stop));
    if (!whole) return std::uint64_t{0};
    std::erase_if(old, [&named](const std::string& name) { return named.count(name) > 0; });
  }
  for (const std::string& name : old)
    if (::rename(path(name).c_str(), (path(name) + std::string(leaving)).c_str()) != 0 ||
        (!is_old(path(name) + std::string(leaving)) && !give_back(name)))
      return io_error("cannot rename " + path(name));
  Names named;
  const auto whole = old.empty() ? Result<bool>(true) : read_all(named, stop);
  std::uint64_t removed = 0;
  for (const std::string& name : old) {
    const std::string file = path(name) + std::string(leaving);
    if (!is_there(file)) continue;
    if (!whole || !*whole || named.count(name) > 0 || !is_old(file)) {
      if (!give_back(name)) return io_error("cannot name " + path(name));
    } else if (::unlink(file.c_str()) == 0) {
      ++removed;
    }
  }
  if (!whole) return whole.error();
  due_ = !*whole;
  return removed;
}

}  // namespace dbgate::adapters
