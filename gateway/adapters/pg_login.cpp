#include "gateway/adapters/pg_login.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace dbgate::adapters {
namespace {

constexpr std::size_t header_bytes = 5;
constexpr std::size_t shortest_length = 8;  // of a request; nothing shorter comes before the login's end
constexpr std::size_t peek_bytes = 16 << 10;
// Authentication requests (PostgreSQL docs ch. 55.7).
constexpr std::uint32_t request_ok = 0;
constexpr std::uint32_t request_md5 = 5;
constexpr std::uint32_t request_sasl = 10;
constexpr std::uint32_t request_sasl_continue = 11;
constexpr std::uint32_t request_sasl_final = 12;

using Peeked = std::array<unsigned char, peek_bytes>;

std::uint32_t word(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

// Bytes that are there, without taking them. Negative: none yet, or an end that libpq will see for itself.
std::ptrdiff_t peek(PGconn* connection, Peeked& bytes) {
  auto* const tls = static_cast<SSL*>(PQsslStruct(connection, "OpenSSL"));
  if (tls == nullptr) return ::recv(PQsocket(connection), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  const int count = SSL_peek(tls, bytes.data(), static_cast<int>(bytes.size()));
  const bool early = count <= 0 && SSL_get_error(tls, count) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return early ? -1 : count;
}

}  // namespace

LoginGuard::Finding LoginGuard::judge(std::uint32_t request) {
  switch (request) {
    case request_ok:
      done_ = true;
      return answered_ || server_.allow_no_password ? Finding::fine : Finding::refused;
    case request_md5:
      answered_ = true;
      return server_.allow_md5 ? Finding::fine : Finding::refused;
    case request_sasl:
    case request_sasl_continue:
      return Finding::fine;
    case request_sasl_final:
      answered_ = true;
      return Finding::fine;
    default:
      return Finding::refused;
  }
}

LoginGuard::Finding LoginGuard::look(PGconn* connection) {
  if (done_) return Finding::fine;
  Peeked bytes;
  const std::ptrdiff_t count = peek(connection, bytes);
  if (count < 0) return Finding::wait;
  const auto size = static_cast<std::size_t>(count);
  for (std::size_t at = 0; at < size && !done_;) {
    if (bytes[at] == 'E') return Finding::fine;  // the end of this login; some errors of old have no length
    if (size - at < header_bytes) return Finding::wait;
    const std::size_t length = word(&bytes[at + 1]);
    if (length < shortest_length || length >= peek_bytes) return Finding::refused;
    if (length + 1 > size - at) return Finding::wait;
    if (bytes[at] == 'R' && judge(word(&bytes[at + header_bytes])) == Finding::refused) return Finding::refused;
    at += length + 1;
  }
  return Finding::fine;
}

}  // namespace dbgate::adapters
