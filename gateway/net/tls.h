#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/error.h"

struct ssl_ctx_st;
struct x509_st;

namespace dbgate::net {

struct FreeTlsContext {
  void operator()(ssl_ctx_st* context) const noexcept;
};
/// Certificates, keys and options for many connections. Safe to use from any thread once made.
using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// What a listener presents and asks for. Paths of PEM files.
struct TlsServerOptions {
  std::string cert_file;
  std::string key_file;
  /// Empty: client certificates are not asked for. Else they are, and a handshake with one that these authorities have
  /// not issued for clients, or that has expired, fails; whoever has none may come without.
  std::string client_ca_file;
  std::string alpn;  ///< the one ALPN protocol accepted; empty: none
};

/// How a connection to a server is checked: the words of libpq's sslmode.
enum class TlsVerify : unsigned char { none, certificate, certificate_and_name };

struct TlsClientOptions {
  TlsVerify verify = TlsVerify::certificate_and_name;
  std::string ca_file;    ///< empty: the system's certificates
  std::string cert_file;  ///< empty: no client certificate
  std::string key_file;
  std::string alpn;
};

/// TLS 1.2 or newer, no renegotiation, no compression; session tickets off (a ticket key would outlive the process'
/// memory of who connected). Errors name the file that is at fault.
Result<TlsContext> make_server_context(const TlsServerOptions& options);
Result<TlsContext> make_client_context(const TlsClientOptions& options);

/// When the certificate that a server context presents expires: seconds since 1970 UTC; 0 without one.
std::int64_t expiry_of(const TlsContext& context);

/// Why OpenSSL's last call of this thread failed; for messages, never secret.
std::string last_openssl_error();
/// Why a handshake has failed, in one word: the peer says so (`alert`), its certificate is not accepted
/// (`certificate`), it has gone (`closed`), or it does not speak TLS as it has to (`protocol`).
/// @param error  OpenSSL's, 0: none. @param verified  what X509_verify_cert() has said of the peer's certificate
std::string_view handshake_failure(unsigned long error, long verified);
/// tls-server-end-point (RFC 5929 §4.1): the certificate hashed with its signature's digest, at least SHA-256.
std::string certificate_end_point(x509_st* certificate);

}  // namespace dbgate::net
