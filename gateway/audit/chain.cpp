#include "gateway/audit/chain.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/base/ids.h"

namespace dbgate::audit {
namespace {

constexpr std::string_view hash_key = ",\"hash\":\"";
constexpr std::string_view prev_key = ",\"prev_hash\":\"";
constexpr std::string_view seq_key = ",\"seq\":";
constexpr std::string_view chain_key = ",\"chain\":\"";
constexpr std::size_t hash_length = 64;

using HexPairs = std::array<std::array<char, 2>, 256>;
constexpr HexPairs make_hex_pairs() {
  constexpr std::string_view digits = "0123456789abcdef";
  HexPairs pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i)
    pairs[i] = {digits[i >> 4], digits[i & 15]};
  return pairs;
}
constexpr HexPairs hex_pairs = make_hex_pairs();

// One digest context for the life of a thread: making one costs as much as hashing a record.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) {}
  ~Digest() { EVP_MD_CTX_free(context_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  using Hex = std::array<char, hash_length>;

  Hex hex_of(std::string_view data) {
    begin();
    add(data);
    return end();
  }
  void begin() {
    static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_DigestInit_ex(context_, sha256, nullptr);
  }
  void add(std::string_view data) { EVP_DigestUpdate(context_, data.data(), data.size()); }
  Hex end() {
    std::array<unsigned char, hash_length / 2> hash{};
    EVP_DigestFinal_ex(context_, hash.data(), nullptr);
    Hex hex;
    for (std::size_t i = 0; i < hash.size(); ++i)
      std::memcpy(hex.data() + 2 * i, hex_pairs[hash[i]].data(), 2);
    return hex;
  }

 private:
  EVP_MD_CTX* context_;
};

thread_local Digest digest;

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

struct RunningHash::State {
  Digest digest;
};

RunningHash::RunningHash() : state_(std::make_unique<State>()) {
  state_->digest.begin();
}
RunningHash::~RunningHash() = default;

void RunningHash::add(std::string_view part) {
  state_->digest.add(part);
}

std::string RunningHash::hex() {
  const Digest::Hex hex = state_->digest.end();
  return {hex.begin(), hex.end()};
}

void append_sha256_hex(std::string& out, std::string_view data) {
  const Digest::Hex hex = digest.hex_of(data);
  out.append(hex.data(), hex.size());
}

std::string sha256_hex(std::string_view data) {
  std::string hex;
  append_sha256_hex(hex, data);
  return hex;
}

Chain::Chain(std::string name) : name_(std::move(name)), start_("{\"v\":1") {
  append_field(start_, "chain", std::string_view(name_));
  start_ += seq_key;
}

void Chain::resume(std::uint64_t sequence, std::string hash) {
  sequence_ = sequence;
  hash_ = std::move(hash);
}

template <class Out>
void Chain::seal(Out& out, std::string_view event, std::string_view fields) {
  const std::size_t start = out.size();
  const Stamp stamp;
  out += start_;
  append_number(out, ++sequence_);
  out.append(stamp.text.data(), stamp.text.size());
  append_field(out, "event", event);
  out += fields;
  out += prev_key;
  out += hash_;
  out += '"';
  const Digest::Hex hash = digest.hex_of(std::string_view(out.data(), out.size()).substr(start));
  hash_.assign(hash.data(), hash.size());
  out += hash_key;
  out += hash_;
  out += "\"}\n";
}

template void Chain::seal(std::string&, std::string_view, std::string_view);
template void Chain::seal(Text&, std::string_view, std::string_view);

SealedLine read_sealed(std::string_view line) {
  SealedLine sealed;
  if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  const std::size_t tail = hash_key.size() + hash_length + 2;
  const std::size_t prev_tail = prev_key.size() + hash_length + 1;
  if (!line.starts_with("{\"v\":1,") || line.size() < tail + prev_tail || !line.ends_with("\"}")) return sealed;
  const std::size_t hash_at = line.size() - tail;
  if (line.substr(hash_at, hash_key.size()) != hash_key) return sealed;
  sealed.covered = line.substr(0, hash_at);
  sealed.hash = line.substr(hash_at + hash_key.size(), hash_length);
  const std::size_t prev_at = hash_at - prev_tail;
  if (line.substr(prev_at, prev_key.size()) != prev_key) return sealed;
  sealed.prev_hash = line.substr(prev_at + prev_key.size(), hash_length);
  // Both keys stand at the front, before anything that a client can write.
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

}  // namespace dbgate::audit
