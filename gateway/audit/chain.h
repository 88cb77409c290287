#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/audit/sha256.h"

namespace dbgate::audit {

/// What many records begin with: the chain, an event, and members that are the same in all of them. Rendered once, and
/// hashed once as far as whole blocks of SHA-256 go.
class RecordStart {
 public:
  /// `fields` is `,"key":value` pairs, as json.h writes them.
  RecordStart(std::string_view chain, std::string_view event, std::string_view fields);

  std::string_view text() const noexcept { return text_; }
  std::string_view event() const noexcept { return std::string_view(text_).substr(event_at_, event_bytes_); }
  std::string_view fields() const noexcept { return std::string_view(text_).substr(fields_at_); }

 private:
  friend class Chain;
  std::string text_;  ///< of the line, up to the sequence number
  std::uint32_t event_at_ = 0;
  std::uint32_t event_bytes_ = 0;
  std::uint32_t fields_at_ = 0;
  std::uint32_t hashed_bytes_ = 0;
  Sha256 hashed_;  ///< over the first of them
};

/// Seals records into a hash chain.
///
/// A sealed line reads `{"v":1,"chain":…,"event":…,…,"seq":N,"id":…,"ts":…,…,"prev_hash":"P","hash":"H"}`. P is the
/// hash of the line before (64 zeros for the first), and H is the SHA-256 of all bytes of the line in front of
/// `,"hash":`. Anybody can check it: `sed 's/,"hash":.*//' | tr -d '\n' | sha256sum`.
class Chain {
 public:
  explicit Chain(std::string name);
  /// Goes on behind a record that exists already.
  void resume(std::uint64_t sequence, std::string hash);

  /// Of this chain's records.
  RecordStart start(std::string_view event, std::string_view fields) const { return {name_, event, fields}; }
  /// Appends one line to `out`, which is a std::string or Text: what it starts with, where it stands in the chain, and
  /// `fields`.
  template <class Out>
  void seal(Out& out, const RecordStart& start, std::string_view fields);
  template <class Out>
  void seal(Out& out, std::string_view event, std::string_view fields) {
    seal(out, start(event, {}), fields);
  }

  std::uint64_t sequence() const noexcept { return sequence_; }
  const std::string& hash() const noexcept { return hash_; }
  const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
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

/// By what a record is known: where it stands, and the hash of what it says.
struct RecordName {
  std::string_view chain;
  std::uint64_t sequence = 0;
  std::string_view id;
  std::string_view hash;
};
/// Of a sealed line; views into it. Nothing: it is none.
std::optional<RecordName> name_of(std::string_view line);

}  // namespace dbgate::audit
