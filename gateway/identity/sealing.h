#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"

namespace dbgate::identity {

/// A key that wraps data keys.
struct SealingKey {
  std::string id;     ///< `[A-Za-z0-9_-]{1,32}`; stands in what is sealed
  std::string bytes;  ///< 32
};

/// Seals secrets that are stored: AES-256-GCM (NIST SP 800-38D) with a data key for each value, which is itself wrapped
/// by the first of the keys. Sealed text: `dbg1.<key id>.<wrapped data key>.<nonce>.<ciphertext and tag>`, the last
/// three in base64url. Safe from any thread.
///
/// `place` names table, column and row: it is authenticated with both layers, so a value that was moved to another
/// place does not open.
class Sealing {
 public:
  /// The first key seals; all of them open. Errors: 22023 for none, a bad or doubled id, a key of another length.
  static Result<Sealing> make(std::vector<SealingKey> keys);
  Sealing(Sealing&&) noexcept = default;
  /// Overwrites the keys.
  ~Sealing();

  std::string seal(std::string_view plain, std::string_view place) const;
  /// Errors: XX001, which says whether the key is missing or the text is not what was sealed for this place.
  Result<std::string> open(std::string_view sealed, std::string_view place) const;
  /// The same value with its data key wrapped by the first key; nothing if it is so already. The value itself is
  /// neither opened nor changed. Errors: as open().
  Result<std::optional<std::string>> rewrap(std::string_view sealed, std::string_view place) const;

 private:
  explicit Sealing(std::vector<SealingKey> keys) : keys_(std::move(keys)) {}
  Result<std::string> unwrap(std::string_view key_id, std::string_view wrapped, std::string_view place) const;

  std::vector<SealingKey> keys_;
};

/// 32 bytes from 64 hexadecimal digits. Nothing for any other text.
std::optional<std::string> parse_sealing_key(std::string_view text);

}  // namespace dbgate::identity
