#include "gateway/net/tls_bio.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>

#include "gateway/net/reactor.h"

// OpenSSL's own BIO for sockets would do but for two things: what it writes leaves at once, and it does not say whether
// a read has taken all there was (docs/decisions/0002, 0020).
namespace dbgate::net {
namespace {

Watch& watch_of(BIO* bio) {
  return *static_cast<Watch*>(BIO_get_data(bio));
}

int write_some(BIO* bio, const char* data, std::size_t bytes, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  Watch& watch = watch_of(bio);
  const iovec piece{const_cast<char*>(data), bytes};
  if (watch.gathers() && watch.send_soon({&piece, 1})) {
    *written = bytes;
    return 1;
  }
  if (!watch.settle()) {
    BIO_set_retry_write(bio);
    return 0;
  }
  if (watch.broken()) return 0;
  const ssize_t moved = ::send(watch.descriptor(), data, bytes, MSG_NOSIGNAL);
  if (moved > 0) {
    *written = static_cast<std::size_t>(moved);
    return 1;
  }
  if (moved < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return 0;
}

int read_some(BIO* bio, char* into, std::size_t bytes, std::size_t* got) {
  BIO_clear_retry_flags(bio);
  Watch& watch = watch_of(bio);
  const ssize_t moved = ::recv(watch.descriptor(), into, bytes, 0);
  if (moved > 0) {
    *got = static_cast<std::size_t>(moved);
    // What comes after this is an event.
    if (*got < bytes) watch.nothing_to_read();
    return 1;
  }
  if (moved == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  if (moved < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return 0;
}

long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

int method_type() {
  static const int type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
  return type;
}

BIO_METHOD* make_method() {
  BIO_METHOD* const method = BIO_meth_new(method_type(), "watched descriptor");
  if (method == nullptr) return nullptr;
  BIO_meth_set_write_ex(method, write_some);
  BIO_meth_set_read_ex(method, read_some);
  BIO_meth_set_ctrl(method, control);
  return method;
}

}  // namespace

bool connect_tls_to(ssl_st* tls, Watch& watch) {
  BIO* const present = SSL_get_rbio(tls);
  if (present != nullptr && BIO_method_type(present) == method_type()) {
    BIO_set_data(present, &watch);
    return true;
  }
  static BIO_METHOD* const method = make_method();  // for the life of the process, as OpenSSL's own are
  BIO* const bio = method != nullptr ? BIO_new(method) : nullptr;
  if (bio == nullptr) return false;
  BIO_set_data(bio, &watch);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls, bio, bio);
  return true;
}

}  // namespace dbgate::net
