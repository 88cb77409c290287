#include "gateway/net/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstring>

#include "gateway/net/certificate.h"

namespace dbgate::net {
namespace {

Error file_error(const std::string& what, const std::string& file) {
  return {sqlstate::internal_error, what + " " + file + ": " + last_openssl_error(),
          "check that the file exists, is readable, and is PEM"};
}

void common_options(ssl_ctx_st* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);  // TLS 1.3 would send some all the same
  // One read for a record, not one for its header and one for the rest.
  SSL_CTX_set_read_ahead(context, 1);
}

Result<> use_certificate(ssl_ctx_st* context, const std::string& cert_file, const std::string& key_file) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1) {
    return file_error("cannot use certificate", cert_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return file_error("cannot use private key", key_file);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return Error(sqlstate::internal_error, "private key " + key_file + " does not belong to certificate " + cert_file);
  }
  return boost::system::in_place_value;
}

std::string alpn_wire(const std::string& protocol) {
  return std::string(1, static_cast<char>(protocol.size())) + protocol;
}

// Selects the one protocol the listener speaks; a client that offers only others is refused (RFC 7301 §3.2).
int select_alpn(SSL* /*tls*/, const unsigned char** out, unsigned char* out_length, const unsigned char* offered,
                unsigned offered_length, void* wanted) {
  const auto& protocol = *static_cast<const std::string*>(wanted);
  unsigned position = 0;
  while (position < offered_length) {
    const unsigned length = offered[position];
    if (length > offered_length - position - 1) break;
    if (length == protocol.size() && std::memcmp(offered + position + 1, protocol.data(), length) == 0) {
      *out = offered + position + 1;
      *out_length = static_cast<unsigned char>(length);
      return SSL_TLSEXT_ERR_OK;
    }
    position += length + 1;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

void FreeTlsContext::operator()(ssl_ctx_st* context) const noexcept {
  SSL_CTX_free(context);
}

std::string last_openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  if (code == 0) return "the connection was closed";
  const char* reason = ERR_reason_error_string(code);
  if (reason != nullptr) return reason;
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

std::string_view handshake_failure(unsigned long error, long verified) {
  if (verified != X509_V_OK) return "certificate";
  if (error == 0 || ERR_GET_LIB(error) == ERR_LIB_SYS) return "closed";
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) return "closed";
  return reason >= SSL_AD_REASON_OFFSET ? "alert" : "protocol";
}

Result<TlsContext> make_server_context(const TlsServerOptions& options) {
  const auto alpn = std::make_shared<const std::string>(options.alpn);
  // The ALPN name lives as long as the context that points to it.
  TlsContext context(SSL_CTX_new(TLS_server_method()), [alpn](ssl_ctx_st* owned) { FreeTlsContext{}(owned); });
  if (!context) return Error(sqlstate::internal_error, "TLS cannot start: " + last_openssl_error());
  common_options(context.get());
  const auto used = use_certificate(context.get(), options.cert_file, options.key_file);
  if (!used) return used.error();
  if (!options.client_ca_file.empty()) {
    if (SSL_CTX_load_verify_locations(context.get(), options.client_ca_file.c_str(), nullptr) != 1) {
      return file_error("cannot use client CA", options.client_ca_file);
    }
    SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(options.client_ca_file.c_str()));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  if (!alpn->empty()) {
    SSL_CTX_set_alpn_select_cb(context.get(), select_alpn, const_cast<std::string*>(alpn.get()));
  }
  return context;
}

Result<TlsContext> make_client_context(const TlsClientOptions& options) {
  TlsContext context(SSL_CTX_new(TLS_client_method()), FreeTlsContext{});
  if (!context) return Error(sqlstate::internal_error, "TLS cannot start: " + last_openssl_error());
  common_options(context.get());
  if (options.verify != TlsVerify::none) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    const int loaded = options.ca_file.empty()
                           ? SSL_CTX_set_default_verify_paths(context.get())
                           : SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr);
    if (loaded != 1) return file_error("cannot use CA", options.ca_file);
  }
  if (!options.cert_file.empty()) {
    const auto used = use_certificate(context.get(), options.cert_file, options.key_file);
    if (!used) return used.error();
  }
  if (!options.alpn.empty()) {
    const std::string wire = alpn_wire(options.alpn);
    SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
  }
  return context;
}

std::int64_t expiry_of(const TlsContext& context) {
  const X509* const certificate = context ? SSL_CTX_get0_certificate(context.get()) : nullptr;
  return certificate == nullptr ? 0 : describe_certificate(*certificate).not_after;
}

std::string certificate_end_point(x509_st* certificate) {
  if (certificate == nullptr) return {};
  int digest_id = NID_undef;
  if (OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest_id, nullptr) != 1) return {};
  // MD5 and SHA-1 are replaced by SHA-256 (RFC 5929 §4.1).
  if (digest_id == NID_md5 || digest_id == NID_sha1) digest_id = NID_sha256;
  const EVP_MD* digest = EVP_get_digestbynid(digest_id);
  if (digest == nullptr) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  if (X509_digest(certificate, digest, hash.data(), &length) != 1) return {};
  return {reinterpret_cast<const char*>(hash.data()), length};
}

}  // namespace dbgate::net
