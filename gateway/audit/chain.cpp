#include "gateway/audit/chain.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "gateway/audit/json.h"
#include "gateway/audit/record_hashes.h"
#include "gateway/base/clock.h"
#include "gateway/base/ids.h"

namespace dbgate::audit {
namespace {

constexpr std::string_view hash_key = ",\"hash\":\"";
constexpr std::string_view prev_key = ",\"prev_hash\":\"";
constexpr std::string_view seq_key = ",\"seq\":";
constexpr std::string_view chain_key = ",\"chain\":\"";
constexpr std::size_t hash_length = 64;

// The id and the time of a record, as members.
struct Stamp {
  static constexpr std::string_view id_key = ",\"id\":\"aud_";
  static constexpr std::string_view time_key = "\",\"ts\":\"";

  Stamp() {
    const std::int64_t now = wall_clock_us();
    char* at = std::copy(id_key.begin(), id_key.end(), text.data());
    at = write_id_suffix(at, now);
    at = std::copy(time_key.begin(), time_key.end(), at);
    at = write_time(at, now);
    *at = '"';
  }
  std::array<char, id_key.size() + id_suffix_bytes + time_key.size() + time_bytes + 1> text;
};

}  // namespace

RecordStart::RecordStart(std::string_view chain, std::string_view event, std::string_view fields) : text_("{\"v\":1") {
  append_field(text_, "chain", chain);
  append_field(text_, "event", event);
  event_bytes_ = static_cast<std::uint32_t>(event.size());
  event_at_ = static_cast<std::uint32_t>(text_.size()) - event_bytes_ - 1;
  fields_at_ = static_cast<std::uint32_t>(text_.size());
  text_ += fields;
  hashed_bytes_ = static_cast<std::uint32_t>(text_.size() / Sha256::block_bytes * Sha256::block_bytes);
  hashed_.add(std::string_view(text_).substr(0, hashed_bytes_));
}

Chain::Chain(std::string name) : name_(std::move(name)) {}

void Chain::resume(std::uint64_t sequence, std::string hash) {
  sequence_ = sequence;
  hash_ = std::move(hash);
}

template <class Out>
void Chain::seal(Out& out, const RecordStart& start, std::string_view fields) {
  const std::size_t begin = out.size();
  const Stamp stamp;
  out += start.text();
  out += seq_key;
  append_number(out, ++sequence_);
  out.append(stamp.text.data(), stamp.text.size());
  out += fields;
  out += prev_key;
  out += hash_;
  out += '"';
  Sha256 sum = start.hashed_;
  sum.add(std::string_view(out.data(), out.size()).substr(begin + start.hashed_bytes_));
  const Sha256::Hex hash = sum.finish();
  hash_.resize(hash.size());
  std::memcpy(hash_.data(), hash.data(), hash.size());
  out += hash_key;
  out.append(hash.data(), hash.size());
  out += "\"}\n";
}

template void Chain::seal(std::string&, const RecordStart&, std::string_view);
template void Chain::seal(Text&, const RecordStart&, std::string_view);

RecordHashes read_hashes(std::string_view line) noexcept {
  constexpr std::size_t tail = hash_key.size() + hash_length + 2;
  constexpr std::size_t prev_tail = prev_key.size() + hash_length + 1;
  if (line.size() < tail + prev_tail || !line.ends_with("\"}")) return {};
  const std::size_t hash_at = line.size() - tail;
  const std::size_t prev_at = hash_at - prev_tail;
  if (line.substr(hash_at, hash_key.size()) != hash_key || line.substr(prev_at, prev_key.size()) != prev_key) return {};
  return {line.substr(prev_at + prev_key.size(), hash_length), line.substr(hash_at + hash_key.size(), hash_length)};
}

SealedLine read_sealed(std::string_view line) {
  SealedLine sealed;
  if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  const RecordHashes hashes = read_hashes(line);
  if (!line.starts_with("{\"v\":1,") || hashes.hash.empty()) return sealed;
  sealed.covered = line.substr(0, line.size() - (hash_key.size() + hash_length + 2));
  sealed.hash = hashes.hash;
  sealed.prev_hash = hashes.prev_hash;
  // No text that a client can write looks like a key: its quotes are escaped.
  const std::size_t chain_at = line.find(chain_key);
  const std::size_t seq_at = line.find(seq_key);
  if (chain_at == std::string_view::npos || seq_at == std::string_view::npos || chain_at > seq_at) return sealed;
  const std::size_t chain_start = chain_at + chain_key.size();
  sealed.chain = line.substr(chain_start, line.find('"', chain_start) - chain_start);
  const char* digits = line.data() + seq_at + seq_key.size();
  const auto parsed = std::from_chars(digits, line.data() + line.size(), sealed.sequence);
  sealed.valid = parsed.ec == std::errc();
  return sealed;
}

std::optional<RecordName> name_of(std::string_view line) {
  constexpr std::string_view id_key = "\"id\":\"";
  const SealedLine sealed = read_sealed(line);
  if (!sealed.valid) return {};
  // Its number is followed by its id (seal()).
  const std::size_t key_at = line.find(id_key, line.find(seq_key));
  if (key_at == std::string_view::npos) return {};
  const std::size_t id_at = key_at + id_key.size();
  return RecordName{sealed.chain, sealed.sequence, line.substr(id_at, line.find('"', id_at) - id_at), sealed.hash};
}

}  // namespace dbgate::audit
