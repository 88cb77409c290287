#include "gateway/audit/chain.h"

#include <openssl/evp.h>

#include <array>
#include <charconv>

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

// One digest context for the life of a thread: making one costs as much as hashing a record.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) {}
  ~Digest() { EVP_MD_CTX_free(context_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void append_hex(std::string& out, std::string_view data) {
    begin();
    add(data);
    end_in_hex(out);
  }
  void begin() {
    static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_DigestInit_ex(context_, sha256, nullptr);
  }
  void add(std::string_view data) { EVP_DigestUpdate(context_, data.data(), data.size()); }
  void end_in_hex(std::string& out) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
    unsigned length = 0;
    EVP_DigestFinal_ex(context_, hash.data(), &length);
    constexpr std::string_view digits = "0123456789abcdef";
    for (unsigned i = 0; i < length; ++i) {
      out += digits[hash[i] >> 4];
      out += digits[hash[i] & 15];
    }
  }

 private:
  EVP_MD_CTX* context_;
};

thread_local Digest digest;

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
  std::string text;
  state_->digest.end_in_hex(text);
  return text;
}

std::string sha256_hex(std::string_view data) {
  std::string hex;
  digest.append_hex(hex, data);
  return hex;
}

void Chain::resume(std::uint64_t sequence, std::string hash) {
  sequence_ = sequence;
  hash_ = std::move(hash);
}

void Chain::seal(std::string& out, std::string_view event, std::string_view fields) {
  const std::size_t start = out.size();
  out += "{\"v\":1";
  append_field(out, "chain", std::string_view(name_));
  append_field(out, "seq", ++sequence_);
  append_field(out, "id", std::string_view(make_id("aud_")));
  append_field(out, "ts", std::string_view(format_time(wall_clock_us())));
  append_field(out, "event", event);
  out += fields;
  out += prev_key;
  out += hash_;
  out += '"';
  hash_.clear();
  digest.append_hex(hash_, std::string_view(out).substr(start));
  out += hash_key;
  out += hash_;
  out += "\"}\n";
}

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
