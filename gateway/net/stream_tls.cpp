#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <boost/asio/ip/address.hpp>

#include "gateway/net/certificate.h"
#include "gateway/net/stream.h"
#include "gateway/net/tls.h"
#include "gateway/net/tls_bio.h"

namespace dbgate::net {
namespace {

Error connection_lost(const char* what) {
  return {sqlstate::connection_failure, what};
}

}  // namespace

Stream::Stream(boost::asio::io_context& context, OpenConnection connection) : Stream(context, connection.release()) {
  if (!connection.tls()) return;
  SSL_up_ref(connection.tls().get());
  tls_.reset(connection.tls().get());
  if (watch_ && !connect_tls_to(tls_.get(), *watch_)) close();
}

Task<Result<>> Stream::handshake(const char* what, std::string_view* why) {
  if (why != nullptr) *why = handshake_failure(0, X509_V_OK);
  for (;;) {
    ERR_clear_error();
    const int returned = SSL_do_handshake(tls_.get());
    if (returned == 1) co_return boost::system::in_place_value;
    const int reason = SSL_get_error(tls_.get(), returned);
    if (reason == SSL_ERROR_WANT_READ) {
      watch_->nothing_to_read();
      co_await wait_readable();
    } else if (reason == SSL_ERROR_WANT_WRITE) {
      watch_->no_room_to_write();
      co_await wait_writable();
    } else {
      const long verified = SSL_get_verify_result(tls_.get());
      if (why != nullptr) *why = handshake_failure(ERR_peek_last_error(), verified);
      std::string text = std::string(what) + " failed: ";
      text += verified != X509_V_OK ? X509_verify_cert_error_string(verified) : last_openssl_error();
      co_return Error(sqlstate::connection_failure, std::move(text));
    }
    if (!is_open()) co_return connection_lost("connection closed during the TLS handshake");
  }
}

Task<Result<>> Stream::accept_tls(ssl_ctx_st* context, std::string_view* why) {
  tls_.reset(SSL_new(context));
  if (!tls_ || !connect_tls_to(tls_.get(), *watch_)) co_return connection_lost("TLS cannot start");
  SSL_set_accept_state(tls_.get());
  const auto done = co_await handshake("TLS handshake with the client", why);
  co_return done;
}

Task<Result<>> Stream::connect_tls(ssl_ctx_st* context, const std::string& server_name, bool verify_name) {
  tls_.reset(SSL_new(context));
  if (!tls_ || !connect_tls_to(tls_.get(), *watch_)) co_return connection_lost("TLS cannot start");
  SSL_set_connect_state(tls_.get());
  boost::system::error_code not_an_address;
  boost::asio::ip::make_address(server_name, not_an_address);
  // SNI carries host names only (RFC 6066 §3).
  if (not_an_address) SSL_set_tlsext_host_name(tls_.get(), server_name.c_str());
  if (verify_name) {
    X509_VERIFY_PARAM* parameters = SSL_get0_param(tls_.get());
    const int set = not_an_address ? X509_VERIFY_PARAM_set1_host(parameters, server_name.data(), server_name.size())
                                   : X509_VERIFY_PARAM_set1_ip_asc(parameters, server_name.c_str());
    if (set != 1) co_return connection_lost("TLS cannot check the name of the server");
  }
  const auto done = co_await handshake("TLS handshake with the server", nullptr);
  co_return done;
}

std::string Stream::alpn() const {
  if (!tls_) return {};
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(tls_.get(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

std::optional<PeerCertificate> Stream::peer_certificate() const {
  if (!tls_ || (SSL_get_verify_mode(tls_.get()) & SSL_VERIFY_PEER) == 0) return {};
  const X509* const certificate = SSL_get0_peer_certificate(tls_.get());
  // The result is "ok" as well where there is no certificate.
  if (certificate == nullptr || SSL_get_verify_result(tls_.get()) != X509_V_OK) return {};
  return describe_certificate(*certificate);
}

std::string Stream::tls_version() const {
  return tls_ ? SSL_get_version(tls_.get()) : std::string();
}

std::string Stream::server_end_point(bool own_certificate) const {
  if (!tls_) return {};
  if (own_certificate) return certificate_end_point(SSL_get_certificate(tls_.get()));
  X509* const peer_certificate = SSL_get1_peer_certificate(tls_.get());
  std::string hash = certificate_end_point(peer_certificate);
  X509_free(peer_certificate);
  return hash;
}

}  // namespace dbgate::net
