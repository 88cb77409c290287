#pragma once
#include <openssl/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"

struct stack_st_X509;

// What only somebody else can read: CMS (RFC 5652) with authenticated encryption (RFC 5083, 5084), AES-256-GCM, whose
// key is wrapped for each recipient by ECDH (RFC 5753). All of it is OpenSSL's; `openssl cms -decrypt` opens it.
namespace dbgate::audit {

/// Those who will be able to read.
class Recipients {
 public:
  /// @param pem  certificates, one behind the other. Errors: 22023 says what is wrong with them.
  static Result<Recipients> read(std::string_view pem);
  /// Their subjects.
  std::vector<std::string> names() const;
  stack_st_X509* certificates() const noexcept { return certificates_.get(); }

 private:
  std::shared_ptr<stack_st_X509> certificates_;
};

/// Gives up to so many bytes; 0: there are no more.
using Source = std::function<Result<std::size_t>(char* to, std::size_t bytes)>;

/// Writes what `source` gives to a descriptor, sealed; however much that is, kilobytes of memory are used.
/// Errors: those of the source; 58030.
Result<> seal(const Source& source, int to, const Recipients& recipients);

/// A recipient's private key.
class OpeningKey {
 public:
  /// @param passphrase  asked where the key is encrypted. Errors: 22023.
  static Result<OpeningKey> read(const std::string& pem, const std::function<std::string()>& passphrase);
  EVP_PKEY* get() const noexcept { return key_.get(); }

 private:
  std::shared_ptr<EVP_PKEY> key_;
};

/// Writes what was sealed to a descriptor. Nothing of that is to be used unless this succeeds: whether it is what was
/// sealed is known at its end. Errors: 58030; XX001 it is none, or cut off; 28000 the key is not that of a recipient,
/// or the file was changed.
Result<> open_sealed(const std::string& path, const OpeningKey& key, int to);

}  // namespace dbgate::audit
