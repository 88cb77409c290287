#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/identity.h"
#include "gateway/ports/jose.h"
#include "gateway/ports/store.h"

namespace dbgate::identity {

/// The keys that sign access tokens, shared by all gateways on one store. One signs; retired ones verify until
/// what they have signed has expired. Safe to use from any thread.
class SigningKeys {
 public:
  SigningKeys(const config::Tokens& settings, ports::store::Store& store, ports::Jose& jose)
      : settings_(settings), store_(store), jose_(jose) {}

  /// Reads them; makes the first. Blocks. Errors: the store's.
  Result<> open(std::int64_t now_us);
  /// The one that signs. Follows an old one by a new one. Blocks if that is due. Errors: the store's.
  Result<ports::JsonWebKeyPair> signing(std::int64_t now_us);
  /// The public key of that id as JSON; the empty string if there is none in force. An id that is not known makes the
  /// keys be read again, at most every ten seconds: another gateway may have made one.
  std::string verifying(std::string_view kid, std::int64_t now_us);
  /// All public keys in force, as a JSON Web Key Set (RFC 7517 §5).
  Result<std::string> jwks(std::int64_t now_us);
  Result<> rotate(std::int64_t now_us);

 private:
  std::optional<ports::store::SigningKey> in_force();
  std::string find(std::string_view kid, std::int64_t now_us);
  bool verifies(const ports::store::SigningKey& key, std::int64_t now_us) const;
  Result<> read(std::int64_t now_us);
  void read_if_older(std::int64_t age_us, std::int64_t now_us);

  const config::Tokens settings_;
  ports::store::Store& store_;
  ports::Jose& jose_;
  std::mutex rotating_;
  std::mutex mutex_;
  std::vector<ports::store::SigningKey> keys_;
  std::int64_t read_us_ = 0;
};

}  // namespace dbgate::identity
