#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/proof/merkle.h"

struct evp_pkey_st;

// What a log says of itself, signed: C2SP's signed-note and tlog-checkpoint (c2sp.org), which witnesses and monitors of
// other transparency logs read as well.
namespace dbgate::proof {

/// An Ed25519 key (RFC 8032), whole or its public half.
class Key {
 public:
  /// A new pair.
  static Key make();
  /// Of `openssl genpkey -algorithm ed25519` or `openssl pkey -pubout`. Errors: 22023 it is no such key
  static Result<Key> read(std::string_view pem);

  bool can_sign() const noexcept { return can_sign_; }
  std::string private_pem() const;  ///< PKCS #8; only where can_sign()
  /// Of a public half in its 32 bytes. Errors: 22023 they are none.
  static Result<Key> read_raw(std::string_view bytes);
  std::string public_pem() const;  ///< SubjectPublicKeyInfo
  std::string raw_public() const;  ///< 32 bytes
  /// For programs that read signed notes: `<name>+<id>+<base64>`.
  std::string verifier_key(std::string_view name) const;
  /// Tells keys of a name apart: 4 bytes.
  std::string id(std::string_view name) const;
  std::string sign(std::string_view text) const;  ///< 64 bytes; only where can_sign()
  bool has_signed(std::string_view text, std::string_view signature) const;

 private:
  Key(std::shared_ptr<evp_pkey_st> key, bool can_sign) : key_(std::move(key)), can_sign_(can_sign) {}

  std::shared_ptr<evp_pkey_st> key_;
  bool can_sign_;
};

/// How far a log is: its first `size` records, and the root of the tree over them.
struct Checkpoint {
  std::string origin;  ///< which log: `dbgate/<log id>/<chain>`
  std::uint64_t size = 0;
  TreeHash root{};
  std::string time;  ///< when it was signed, RFC 3339 in UTC, as the gateway's clock says; empty: it does not say
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

struct Signature {
  std::string name;
  std::string key_id;
  std::string bytes;
};

/// Of `— <name> <base64>`; nothing if the line is none.
std::optional<Signature> read_signature(std::string_view line);

/// A checkpoint and who has signed it.
struct Note {
  Checkpoint checkpoint;
  std::string text;  ///< what the signatures are of
  std::vector<Signature> signatures;
};

/// The note as it is kept and sent: origin, size, root in base64, `time <RFC 3339>`; a blank line; a signature in the
/// origin's name. @param more  whole lines behind the time
std::string sign_checkpoint(const Checkpoint& checkpoint, const Key& key, std::string_view more = {});
/// Errors: 22023 says what is wrong with it. Signatures are read, not checked.
Result<Note> read_note(std::string_view note);
/// Several, one behind the other. Errors: 22023, also where there is none.
Result<std::vector<Note>> read_notes(std::string_view notes);
/// Whether the key has signed it in its origin's name.
bool is_signed_by(const Note& note, const Key& key);

}  // namespace dbgate::proof
