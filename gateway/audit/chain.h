#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace dbgate::audit {

/// Lower-case hexadecimal SHA-256.
std::string sha256_hex(std::string_view data);
void append_sha256_hex(std::string& out, std::string_view data);

/// SHA-256 of what comes in parts.
class RunningHash {
 public:
  RunningHash();
  ~RunningHash();
  RunningHash(const RunningHash&) = delete;
  RunningHash& operator=(const RunningHash&) = delete;
  void add(std::string_view part);
  /// Lower-case hexadecimal, of everything so far; once.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Seals records into a hash chain.
///
/// A sealed line reads `{"v":1,"chain":…,"seq":N,…,"prev_hash":"P","hash":"H"}`. P is the hash of the line before (64
/// zeros for the first), and H is the SHA-256 of all bytes of the line in front of `,"hash":`. Anybody can check it:
/// `sed 's/,"hash":.*//' | tr -d '\n' | sha256sum`.
class Chain {
 public:
  explicit Chain(std::string name);
  /// Goes on behind a record that exists already.
  void resume(std::uint64_t sequence, std::string hash);

  /// Appends one line to `out`, which is a std::string or Text. `fields` is `,"key":value` pairs, as json.h writes
  /// them.
  template <class Out>
  void seal(Out& out, std::string_view event, std::string_view fields);

  std::uint64_t sequence() const noexcept { return sequence_; }
  const std::string& hash() const noexcept { return hash_; }
  const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
  std::string start_;  ///< of every line, up to the sequence number
  std::uint64_t sequence_ = 0;
  std::string hash_ = std::string(64, '0');
};

/// What verification needs of one line. Empty members if the line is not a sealed record.
struct SealedLine {
  bool valid = false;
  std::uint64_t sequence = 0;
  std::string_view covered;  ///< the bytes that `hash` is of
  std::string_view chain;
  std::string_view prev_hash;
  std::string_view hash;
};
SealedLine read_sealed(std::string_view line);

}  // namespace dbgate::audit
