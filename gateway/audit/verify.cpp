#include "gateway/audit/verify.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "gateway/audit/chain.h"
#include "gateway/audit/sealed_segment.h"
#include "gateway/audit/tail.h"

namespace dbgate::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view segment_prefix = "audit-";
constexpr std::string_view head_suffix = ".head";

struct ChainState {
  std::uint64_t sequence = 0;
  std::string hash = std::string(64, '0');
  std::uint64_t segment = 0;
  bool begins_anywhere = false;  ///< what was in front of the next record was removed
};

// The number that a member is; 0: there is none.
std::uint64_t number_of(std::string_view line, std::string_view key) {
  const std::string wanted = ",\"" + std::string(key) + "\":";
  const std::size_t at = line.find(wanted);
  std::uint64_t number = 0;
  if (at != std::string_view::npos)
    std::from_chars(line.data() + at + wanted.size(), line.data() + line.size(), number);
  return number;
}

bool is_hash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class Verifier {
 public:
  Verifier(std::string directory, const std::function<void(const SeenRecord&)>& seen, const RemovedNow& removed)
      : directory_(std::move(directory)), seen_(seen), removed_now_(removed) {}

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
    for (const auto& [chain, removed] : removals_)
      check_removal(chain, removed, chains_[chain]);
    for (const auto& [place, hashes] : sealed_)
      check_sealed(place.first, place.second, hashes);
    report_.segments = segments.size();
    report_.in_flight = open_.size();
    return std::move(report_);
  }

 private:
  void problem(const std::string& place, const std::string& what) { report_.problems.push_back(place + ": " + what); }

  void check_segment(const SegmentFile& segment) {
    ChainState& state = chains_[segment.chain];
    const std::string name = fs::path(segment.path).filename().string();
    if (state.segment == 0) begin_chain(segment, state);
    if (segment.number != state.segment + 1) go_on_behind_removed(segment.chain, state);
    if (segment.number <= state.segment) return;  // it has gone, or will in a moment
    if (segment.number != state.segment + 1) {
      problem(name, "segment " + std::to_string(state.segment + 1) + " of chain " + segment.chain + " is missing");
    }
    if (!segment_exists(segment.path) && go_on_behind_removed(segment.chain, state) && segment.number <= state.segment)
      return;
    state.segment = segment.number;
    const auto whole = read_lines(segment, [&](std::size_t number, std::string_view line) {
      check_line(name + ":" + std::to_string(number), line, segment.chain, state);
    });
    if (!whole) return problem(name, whole.error().message());
    const auto& [lines, rest] = *whole;
    if (!rest.empty() && !is_on_its_way(segment, state.sequence, rest))
      problem(name + ":" + std::to_string(lines + 1), "the last line is cut off");
  }

  // A chain may have lost its first segments to retention. Where that was stopped in between, some of them are still
  // there.
  void begin_chain(const SegmentFile& segment, ChainState& state) {
    const auto removed = removed_now_ ? removed_now_(segment.chain) : std::nullopt;
    if (!removed) return;
    removals_[segment.chain] = *removed;
    if (segment.number == 1) return;
    if (segment.number <= removed->segment) {
      state.segment = segment.number - 1;
      state.begins_anywhere = true;
    } else {
      state.segment = removed->segment;
      state.sequence = removed->records;
      state.hash = removed->last_hash;
    }
  }

  // What retention removes while the log is read is not missing. @return whether it has removed more of the chain
  bool go_on_behind_removed(const std::string& chain, ChainState& state) {
    const auto removed = removed_now_ ? removed_now_(chain) : std::nullopt;
    if (!removed || removed->segment <= state.segment || removed->records < state.sequence) return false;
    removals_[chain] = *removed;
    state.segment = removed->segment;
    state.sequence = removed->records;
    state.hash = removed->last_hash;
    state.begins_anywhere = false;
    return true;
  }

  // What is inside takes the private key; that nobody has touched it does not.
  void check_sealed(const std::string& chain, std::uint64_t number, const std::set<std::string>& hashes) {
    if (segment_exists(segment_path(directory_, chain, number))) return;  // it did not go yet, or was unsealed
    const std::string path = sealed_path(directory_, chain, number);
    const std::string name = fs::path(path).filename().string();
    std::ifstream file(path, std::ios::binary);
    if (!file) return problem(name, "is on record as sealed, and is missing");
    Sha256 hash;
    std::string part(64u << 10, '\0');
    while (file.read(part.data(), static_cast<std::streamsize>(part.size())) || file.gcount() > 0)
      hash.add(std::string_view(part).substr(0, static_cast<std::size_t>(file.gcount())));
    if (!hashes.contains(hash.hex())) problem(name, "was changed: it is not the file that was sealed");
  }

  struct Noted {
    std::string hash;
    std::string place;
    bool sealed = false;
  };
  using Notes = std::map<std::pair<std::string, std::uint64_t>, Noted>;

  // What was removed since the chain of these records was read was recorded there since.
  Notes::iterator look_for_note_again(const std::string& chain, std::uint64_t last) {
    for (const SegmentFile& segment : list_segments(directory_)) {
      if (!is_retention_chain(segment.chain)) continue;
      const std::string name = fs::path(segment.path).filename().string();
      const auto whole = read_lines(segment, [&](std::size_t number, std::string_view line) {
        const SealedLine sealed = read_sealed(line);
        if (sealed.valid && sha256_hex(sealed.covered) == sealed.hash)
          take_note(name + ":" + std::to_string(number), line);
      });
      if (!whole) problem(name, whole.error().message());
    }
    return noted_.find({chain, last});
  }

  void check_removal(const std::string& chain, const Removed& removed, const ChainState& state) {
    const std::string name = "audit-" + chain + ".removed";
    const std::string what = "records 1 to " + std::to_string(removed.records) + " of chain " + chain;
    if (state.sequence < removed.records)
      problem(name, what + " are said to be removed, but the log ends at " + std::to_string(state.sequence));
    auto noted = noted_.find({chain, removed.records});
    if (noted == noted_.end()) noted = look_for_note_again(chain, removed.records);
    if (noted == noted_.end() || noted->second.hash != removed.last_hash)
      return problem(name, what + " are said to be removed, but no record of the log says so");
    const bool sealed = noted->second.sealed;
    report_.removed.push_back(what +
                              (sealed ? " were sealed, recorded in " : " were removed by retention, recorded in ") +
                              noted->second.place);
  }

  struct Read {
    std::size_t lines = 0;
    std::string rest;  ///< what stands behind them
  };
  template <class Take>
  static Result<Read> read_lines(const SegmentFile& segment, Take take) {
    DBGATE_TRY(Segment file, Segment::open(segment.path));
    SegmentLines lines(std::move(file));
    Read read;
    for (std::string_view line;;) {
      DBGATE_TRY(const bool more, lines.next(line));
      if (!more) break;
      take(++read.lines, line);
    }
    read.rest = lines.rest();
    return read;
  }

  // Whether a line that is not whole is being written, or was when the process was killed: then the tail has it. And if
  // it does not any more, all of the line is in the segment by now.
  bool is_on_its_way(const SegmentFile& segment, std::uint64_t sequence, const std::string& start) const {
    for (const std::string& line : read_tail(tail_path(directory_, segment.chain), segment.chain).lines) {
      if (line.starts_with(start) && read_sealed(line).sequence == sequence + 1) return true;
    }
    bool found = false;
    const auto whole = read_lines(segment, [&](std::size_t, std::string_view line) {
      found = found || (line.starts_with(start) && read_sealed(line).sequence == sequence + 1);
    });
    return found;
  }

  void check_tail(const Tail& tail) {
    ChainState& state = chains_[tail.chain];
    for (std::size_t i = 0; i < tail.lines.size(); ++i) {
      const SealedLine sealed = read_sealed(tail.lines[i]);
      if (sealed.valid && sealed.sequence <= state.sequence) continue;  // in a segment by now
      check_line("audit-" + tail.chain + ".tail:" + std::to_string(i + 1), tail.lines[i], tail.chain, state);
    }
  }

  void check_line(const std::string& place, std::string_view line, const std::string& chain, ChainState& state) {
    const SealedLine sealed = read_sealed(line);
    if (!sealed.valid) return problem(place, "is not an audit record");
    ++report_.records;
    if (seen_) seen_({chain, sealed.sequence, sealed.hash, place});
    if (sealed.chain != chain) problem(place, "belongs to chain " + std::string(sealed.chain));
    if (sha256_hex(sealed.covered) != sealed.hash) problem(place, "the record was changed: its hash does not fit");
    const auto removed = removals_.find(chain);
    const bool follows = !std::exchange(state.begins_anywhere, false) || sealed.sequence > removed->second.records;
    if (follows && sealed.sequence != state.sequence + 1) {
      problem(place, "record " + std::to_string(state.sequence + 1) + " is missing; this is " +
                         std::to_string(sealed.sequence));
    } else if (follows && sealed.prev_hash != state.hash) {
      problem(place, "does not follow the record before it");
    }
    state.sequence = sealed.sequence;
    state.hash = sealed.hash;
    if (removed != removals_.end() && removed->second.records == sealed.sequence &&
        removed->second.last_hash != sealed.hash)
      problem(place, "is not the last record that retention was to remove");
    check_content(place, line);
    if (is_retention_chain(chain)) take_note(place, line);
  }

  void take_note(const std::string& place, std::string_view line) {
    if (member_of(line, "event") != retention_event) return;
    const std::string chain(member_of(line, "removed.chain"));
    const bool sealed = take_sealed(chain, number_of(line, "removed.first_segment"), line);
    noted_[{chain, number_of(line, "removed.last")}] = {std::string(member_of(line, "removed.last_hash")), place,
                                                        sealed};
  }

  // More than once where the process ended in between: it is sealed anew then.
  bool take_sealed(const std::string& chain, std::uint64_t segment, std::string_view line) {
    constexpr std::string_view key = ",\"sealed.sha256\":[";
    std::size_t at = line.find(key);
    if (at == std::string_view::npos) return false;
    for (at += key.size(); at < line.size() && line[at] == '"'; ++segment) {
      const std::string_view hash = line.substr(at + 1, 64);
      if (!is_hash(hash)) break;
      sealed_[{chain, segment}].emplace(hash);
      at += hash.size() + 2;
      if (at < line.size() && line[at] == ',') ++at;
    }
    return true;
  }

  void check_content(const std::string& place, std::string_view line) {
    const std::string_view event = member_of(line, "event");
    const std::string query_id(member_of(line, "query_id"));
    if (event == "statement.decided" && member_of(line, "decision.effect") != "deny") open_.insert(query_id);
    if (event == "statement.done") open_.erase(query_id);
    const std::string blob(member_of(line, "db.query.text_sha256"));
    if (blob.empty() || event != "statement.decided") return;
    // A record that was tampered with may name any path; only a hash is followed.
    if (!is_hash(blob)) return problem(place, "does not name a statement text");
    std::ifstream stream(directory_ + "/blobs/" + blob, std::ios::binary);
    if (!stream) stream.open(directory_ + "/blobs/" + blob + std::string(leaving_text), std::ios::binary);
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
  const RemovedNow& removed_now_;
  std::map<std::string, Removed> removals_;
  std::map<std::string, ChainState> chains_;
  Notes noted_;  ///< removals, by chain and last record
  std::map<std::pair<std::string, std::uint64_t>, std::set<std::string>> sealed_;  ///< SHA-256, by chain and segment
  std::set<std::string> open_;
};

}  // namespace

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

VerifyReport verify_directory(const std::string& directory, const std::function<void(const SeenRecord&)>& seen,
                              const RemovedNow& removed) {
  return Verifier(directory, seen, removed).run();
}

// A text cannot fake it, because a quote inside a text is preceded by a backslash.
std::string_view member_of(std::string_view line, std::string_view key) {
  const std::string wanted = ",\"" + std::string(key) + "\":\"";
  const std::size_t at = line.find(wanted);
  if (at == std::string_view::npos) return {};
  const std::size_t start = at + wanted.size();
  return line.substr(start, line.find('"', start) - start);
}

bool is_retention_chain(std::string_view chain) {
  return chain == retention_chain || chain.starts_with(std::string(retention_chain) + ".");
}

}  // namespace dbgate::audit
