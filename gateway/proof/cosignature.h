#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/proof/merkle.h"
#include "gateway/proof/note.h"

// What witnesses say of checkpoints, and how they are asked (c2sp.org/tlog-cosignature, c2sp.org/tlog-witness).
namespace dbgate::proof {

/// A witness by its name and Ed25519 key.
class Cosigner {
 public:
  /// @param verifier_key  `<name>+<id>+<base64>` with signature type 0x04. Errors: 22023 what is wrong with it.
  static Result<Cosigner> read(std::string_view verifier_key);

  const std::string& name() const noexcept { return name_; }
  /// Whether the signature is the witness's over the note's text.
  bool has_cosigned(const Note& note, const Signature& signature) const;
  /// Whether one of the note's own is.
  bool has_cosigned(const Note& note) const;

 private:
  Cosigner(std::string name, std::string id, Key key)
      : name_(std::move(name)), id_(std::move(id)), key_(std::move(key)) {}

  std::string name_;
  std::string id_;
  Key key_;
};

/// What a witness says of a note. @param key  can sign; @param seconds  when, since 1970 UTC
Signature cosign(const Note& note, const Key& key, const std::string& name, std::uint64_t seconds);
/// What Cosigner::read() reads.
std::string cosigner_key(const Key& key, const std::string& name);

/// The body of add-checkpoint. @param old_size  of the last checkpoint that the witness has; @param proof  from there
std::string add_checkpoint_body(std::uint64_t old_size, const std::vector<TreeHash>& proof, std::string_view note);
struct AddCheckpoint {
  std::uint64_t old_size = 0;
  std::vector<TreeHash> proof;
  Note note;
};
/// Errors: 22023 it is no such body.
Result<AddCheckpoint> read_add_checkpoint(std::string_view body);
/// Signature lines of the body of a good answer. Errors: 22023 it is none.
Result<std::vector<Signature>> read_cosignatures(std::string_view body);
/// As a line of a note, with its newline.
std::string line_of(const Signature& signature);
/// The size that a witness has, of the body of answer 409. Errors: 22023 it is none.
Result<std::uint64_t> read_witnessed_size(std::string_view body);

}  // namespace dbgate::proof
