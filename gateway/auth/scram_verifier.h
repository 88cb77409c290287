#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::auth {

/// What a server keeps instead of a password (RFC 5802 §3), in PostgreSQL's spelling:
/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, the last three in base64. Members are raw bytes.
struct ScramVerifier {
  int iterations = 4096;
  std::string salt;
  std::string stored_key;
  std::string server_key;
};

/// What one password is recognised by (RFC 5802 §3). Raw bytes, 32 each.
struct ScramKeys {
  std::string stored_key;
  std::string server_key;
};

/// The passwords of one user, any of which ends an exchange. A server names salt and iteration count before it can know
/// which of them the client has, so that they share both.
struct ScramKeyring {
  static constexpr std::size_t most_keys = 32;  ///< all are tried each time

  int iterations = 4096;
  std::string salt;
  std::vector<ScramKeys> keys;

  ScramKeyring() = default;
  explicit ScramKeyring(ScramVerifier verifier);
  /// Adds a password. False: no room, or keys of another length than SHA-256's.
  bool add(ScramKeys more);
};

/// The keys of a password under a salt that others share. Costs one PBKDF2.
ScramKeys make_scram_keys(std::string_view password, std::string_view salt, int iterations);

/// Empty if `text` is not a verifier, or asks for more iterations than anybody uses (1 000 000).
std::optional<ScramVerifier> parse_scram_verifier(std::string_view text);
std::string format_scram_verifier(const ScramVerifier& verifier);
/// With 16 random bytes of salt. Passwords are used as the bytes they are: PostgreSQL does the same with everything
/// that SASLprep leaves unchanged (all of ASCII), which is what dbgate generates.
ScramVerifier make_scram_verifier(std::string_view password, int iterations = 4096);
/// Whether this is the password. Costs one PBKDF2; constant time in the comparison.
bool verify_password(const ScramVerifier& verifier, std::string_view password);
/// Looks like the verifier of a real user, always the same for the same name, and fits no password: nobody can tell by
/// the exchange which names exist. `secret` is the server's own.
ScramVerifier mock_scram_verifier(std::string_view user, std::string_view secret);

}  // namespace dbgate::auth
