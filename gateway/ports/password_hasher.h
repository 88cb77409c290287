#pragma once
#include <string>
#include <string_view>

#include "gateway/base/error.h"

namespace dbgate::ports {

/// Hashes people's passwords, slowly on purpose. Safe to use from any thread; blocks until one of the few threads that
/// hash has done it, tens of milliseconds and more. Never called on an event loop.
class PasswordHasher {
 public:
  virtual ~PasswordHasher() = default;

  /// With a salt of its own. @return PHC string format: "$argon2id$v=19$m=…,t=…,p=…$salt$hash"
  /// Errors: 53300 if too many wait already; then nothing has been done.
  virtual Result<std::string> hash(std::string_view password) = 0;
  /// Whether this is the password. Constant time in the comparison.
  /// Errors: 53300 as above; XX000 if `stored` is not such a text, or asks for more than any machine should do.
  virtual Result<bool> verify(std::string_view stored, std::string_view password) = 0;
  /// Whether `stored` was made with other parameters than those in force.
  virtual bool needs_rehash(std::string_view stored) const = 0;
  /// A hash with the parameters in force that no password fits: what names without a password are checked against, so
  /// that they cost the same.
  virtual const std::string& decoy() const = 0;
  /// How many hashes are made at once.
  virtual std::size_t threads() const = 0;
};

}  // namespace dbgate::ports
