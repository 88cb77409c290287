#include "gateway/audit/verify.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "gateway/audit/chain.h"
#include "gateway/audit/tail.h"

namespace dbgate::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view segment_prefix = "audit-";
constexpr std::string_view segment_suffix = ".jsonl";
constexpr std::string_view head_suffix = ".head";

struct ChainState {
  std::uint64_t sequence = 0;
  std::string hash = std::string(64, '0');
  std::uint64_t segment = 0;
};

// The value of a key that dbgate itself writes, in a line whose texts are escaped: a text cannot fake it, because a
// quote inside a text is preceded by a backslash.
std::string_view value_of(std::string_view line, std::string_view key) {
  const std::string wanted = ",\"" + std::string(key) + "\":\"";
  const std::size_t at = line.find(wanted);
  if (at == std::string_view::npos) return {};
  const std::size_t start = at + wanted.size();
  return line.substr(start, line.find('"', start) - start);
}

bool is_hash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class Verifier {
 public:
  Verifier(std::string directory, const std::function<void(const SeenRecord&)>& seen)
      : directory_(std::move(directory)), seen_(seen) {}

  VerifyReport run() {
    // In this order nothing that is written meanwhile is missed: what a head says of is in a segment, and see Tail.
    const std::map<std::string, Head> heads = read_heads();
    const std::vector<Tail> tails = read_tails(directory_);
    const auto segments = list_segments(directory_);
    if (segments.empty()) report_.problems.push_back(directory_ + ": no audit segments");
    for (const SegmentFile& segment : segments)
      check_segment(segment);
    for (const Tail& tail : tails)
      check_tail(tail);
    report_.chains = chains_.size();
    // Also of chains that have no segment any more: their heads say that there was one.
    for (const auto& [chain, head] : heads)
      check_head(chain, head, chains_[chain]);
    report_.segments = segments.size();
    report_.in_flight = open_.size();
    return std::move(report_);
  }

 private:
  void problem(const std::string& place, const std::string& what) { report_.problems.push_back(place + ": " + what); }

  void check_segment(const SegmentFile& segment) {
    ChainState& state = chains_[segment.chain];
    const std::string name = fs::path(segment.path).filename().string();
    if (segment.number != state.segment + 1) {
      problem(name, "segment " + std::to_string(state.segment + 1) + " of chain " + segment.chain + " is missing");
    }
    state.segment = segment.number;
    std::ifstream stream(segment.path);
    std::string line;
    for (std::size_t number = 1; std::getline(stream, line); ++number) {
      const std::string place = name + ":" + std::to_string(number);
      if (stream.eof()) {
        if (!is_on_its_way(segment, state.sequence, line)) problem(place, "the last line is cut off");
        break;
      }
      check_line(place, line, segment.chain, state);
    }
  }

  // Whether a line that is not whole is being written, or was when the process was killed: then the tail has it. And if
  // it does not any more, all of the line is in the segment by now.
  bool is_on_its_way(const SegmentFile& segment, std::uint64_t sequence, const std::string& start) const {
    for (const std::string& line : read_tail(tail_path(directory_, segment.chain), segment.chain).lines) {
      if (line.starts_with(start) && read_sealed(line).sequence == sequence + 1) return true;
    }
    std::ifstream stream(segment.path);
    for (std::string line; std::getline(stream, line) && !stream.eof();) {
      if (line.starts_with(start) && read_sealed(line).sequence == sequence + 1) return true;
    }
    return false;
  }

  void check_tail(const Tail& tail) {
    ChainState& state = chains_[tail.chain];
    for (std::size_t i = 0; i < tail.lines.size(); ++i) {
      const SealedLine sealed = read_sealed(tail.lines[i]);
      if (sealed.valid && sealed.sequence <= state.sequence) continue;  // in a segment by now
      check_line("audit-" + tail.chain + ".tail:" + std::to_string(i + 1), tail.lines[i], tail.chain, state);
    }
  }

  void check_line(const std::string& place, const std::string& line, const std::string& chain, ChainState& state) {
    const SealedLine sealed = read_sealed(line);
    if (!sealed.valid) return problem(place, "is not an audit record");
    ++report_.records;
    if (seen_) seen_({chain, sealed.sequence, sealed.hash, place});
    if (sealed.chain != chain) problem(place, "belongs to chain " + std::string(sealed.chain));
    if (sha256_hex(sealed.covered) != sealed.hash) problem(place, "the record was changed: its hash does not fit");
    if (sealed.sequence != state.sequence + 1) {
      problem(place, "record " + std::to_string(state.sequence + 1) + " is missing; this is " +
                         std::to_string(sealed.sequence));
    } else if (sealed.prev_hash != state.hash) {
      problem(place, "does not follow the record before it");
    }
    state.sequence = sealed.sequence;
    state.hash = sealed.hash;
    check_content(place, line);
  }

  void check_content(const std::string& place, const std::string& line) {
    const std::string_view event = value_of(line, "event");
    const std::string query_id(value_of(line, "query_id"));
    if (event == "statement.decided" && value_of(line, "decision.effect") != "deny") open_.insert(query_id);
    if (event == "statement.done") open_.erase(query_id);
    const std::string blob(value_of(line, "db.query.text_sha256"));
    if (blob.empty() || event != "statement.decided") return;
    // A record that was tampered with may name any path; only a hash is followed.
    if (!is_hash(blob)) return problem(place, "does not name a statement text");
    std::ifstream stream(directory_ + "/blobs/" + blob, std::ios::binary);
    if (!stream) return problem(place, "the statement text blobs/" + blob + " is missing");
    std::ostringstream text;  // operator<< reports what a bare iterator throws: a directory in place of the file
    text << stream.rdbuf();
    if (sha256_hex(text.str()) != blob) problem(place, "the statement text blobs/" + blob + " was changed");
  }

  std::map<std::string, Head> read_heads() const {
    std::map<std::string, Head> heads;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(directory_, failed)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with(segment_prefix) || !name.ends_with(head_suffix)) continue;
      const std::size_t bytes = name.size() - segment_prefix.size() - head_suffix.size();
      heads[name.substr(segment_prefix.size(), bytes)] = read_head(entry.path().string());
    }
    return heads;
  }

  // A log cannot show by itself that its end was cut off; the head noted beside it can.
  void check_head(const std::string& chain, const Head& head, const ChainState& state) {
    const std::string name = "audit-" + chain + ".head";
    if (!head.valid) return problem(name, "is not the head of a chain");
    if (head.sequence > state.sequence) {
      problem(name, "record " + std::to_string(head.sequence) + " was written, but the log ends at " +
                        std::to_string(state.sequence));
    } else if (head.sequence == state.sequence && head.hash != state.hash) {
      problem(name, "the last record is not the one that was written");
    }
  }

  std::string directory_;
  const std::function<void(const SeenRecord&)>& seen_;
  VerifyReport report_;
  std::map<std::string, ChainState> chains_;
  std::set<std::string> open_;
};

}  // namespace

std::vector<SegmentFile> list_segments(const std::string& directory) {
  std::vector<SegmentFile> segments;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(segment_prefix) || !name.ends_with(segment_suffix)) continue;
    const std::size_t dash = name.rfind('-');
    if (dash <= segment_prefix.size()) continue;
    SegmentFile segment;
    segment.path = entry.path().string();
    segment.chain = name.substr(segment_prefix.size(), dash - segment_prefix.size());
    const char* end = name.data() + name.size() - segment_suffix.size();
    const auto parsed = std::from_chars(name.data() + dash + 1, end, segment.number);
    if (parsed.ec == std::errc() && parsed.ptr == end) segments.push_back(std::move(segment));
  }
  std::sort(segments.begin(), segments.end(), [](const SegmentFile& a, const SegmentFile& b) {
    return std::tie(a.chain, a.number) < std::tie(b.chain, b.number);
  });
  return segments;
}

Head read_head(const std::string& path) {
  Head head;
  std::ifstream stream(path, std::ios::binary);
  std::string line;
  if (!std::getline(stream, line)) return head;
  const std::size_t blank = line.find(' ');
  if (blank == std::string::npos) return head;
  const auto parsed = std::from_chars(line.data(), line.data() + blank, head.sequence);
  head.hash = line.substr(blank + 1);
  head.valid = parsed.ec == std::errc() && parsed.ptr == line.data() + blank && is_hash(head.hash);
  return head;
}

std::string segment_path(const std::string& directory, const std::string& chain, std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, digits.size() < 6 ? 6 - digits.size() : 0, '0');
  return directory + "/" + std::string(segment_prefix) + chain + "-" + digits + std::string(segment_suffix);
}

VerifyReport verify_directory(const std::string& directory, const std::function<void(const SeenRecord&)>& seen) {
  return Verifier(directory, seen).run();
}

}  // namespace dbgate::audit
