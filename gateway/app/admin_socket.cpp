#include "gateway/app/admin_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <system_error>

#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

constexpr auto awaiting = boost::asio::as_tuple(boost::asio::use_awaitable);
constexpr std::size_t most_connections = 16;
constexpr std::size_t longest_line = 4096;
constexpr std::size_t longest_path = 90;  // with a number behind it, it fits into a socket's address (unix(7))
constexpr std::chrono::seconds longest_silence{5};
constexpr std::chrono::milliseconds accept_pause{100};
using SocketPtr = std::shared_ptr<boost::asio::local::stream_protocol::socket>;

constexpr ::mode_t only_owner = 0600;

Error failure(const std::string& path, const std::string& why) {
  return {sqlstate::internal_error, "cannot listen on " + path + ": " + why};
}

// Whether a process answers there.
bool is_live(const boost::asio::local::stream_protocol::endpoint& endpoint) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const bool live = ::connect(probe, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 || errno == EAGAIN;
  ::close(probe);
  return live;
}

// Root may do what it likes with this process anyway, and its own user may as well.
bool may_ask(int descriptor, AdminPeer& peer) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return false;
  peer = {credentials.uid, credentials.pid};
  return peer.uid == 0 || peer.uid == ::geteuid();
}

// The socket is kept: an expiry may have been queued when the timer is stopped.
void close_after(boost::asio::steady_timer& patience, const SocketPtr& socket) {
  patience.expires_after(longest_silence);
  patience.async_wait([socket](const boost::system::error_code& stopped) {
    boost::system::error_code ignored;
    if (!stopped) socket->close(ignored);
  });
}

}  // namespace

/// How many connections there are.
struct AdminSocket::Connections {
  std::size_t count = 0;
};

AdminSocket::AdminSocket(boost::asio::io_context& context, Answer answer)
    : acceptor_(context), answer_(std::move(answer)), connections_(std::make_shared<Connections>()) {}

AdminSocket::~AdminSocket() {
  close();
}

Result<> AdminSocket::open(const std::string& path, bool in_turn) {
  if (path.size() > longest_path) return failure(path, "the path is longer than 90 characters");
  struct stat there {};
  const bool exists = ::lstat(path.c_str(), &there) == 0;
  if (exists && !S_ISSOCK(there.st_mode)) return failure(path, "something else is there that is no socket");
  if (exists && !in_turn && is_live(Protocol::endpoint(path))) return failure(path, "another process listens there");
  const std::string name = path + "." + std::to_string(::getpid());
  // Left by a process of the same number, as the first one of a container has.
  if (::lstat(name.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) ::unlink(name.c_str());
  boost::system::error_code failed;
  acceptor_.open(Protocol(), failed);
  // The name in the file system gets this mode when it is made (unix(7)): there is no moment in which others may.
  if (!failed && ::fchmod(acceptor_.native_handle(), only_owner) != 0)
    failed.assign(errno, boost::system::generic_category());
  if (!failed) acceptor_.bind(Protocol::endpoint(name), failed);
  if (failed) {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    return failure(path, failed.message());
  }
  own_name_ = name;
  path_ = path;
  acceptor_.listen(boost::asio::socket_base::max_listen_connections, failed);
  if (failed || ::lstat(name.c_str(), &there) != 0) return failure(path, failed.message());
  inode_ = there.st_ino;
  return boost::system::in_place_value;
}

void AdminSocket::publish() {
  if (own_name_.empty()) return;
  if (::rename(own_name_.c_str(), path_.c_str()) != 0) {
    const std::string why = std::generic_category().message(errno);
    log::error("admin", "there is no admin socket", {{"path", path_}, {"err", why}});
    return leave();
  }
  own_name_.clear();
  log::info("admin", "listening", {{"listener", "admin"}, {"address", path_}, {"port", "0"}});
  boost::asio::co_spawn(acceptor_.get_executor(), accept_loop(), boost::asio::detached);
}

void AdminSocket::leave() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  if (!own_name_.empty()) ::unlink(own_name_.c_str());
  own_name_.clear();
  path_.clear();
}

void AdminSocket::close() {
  struct stat there {};
  const bool own = !path_.empty() && own_name_.empty() && ::lstat(path_.c_str(), &there) == 0 &&
                   S_ISSOCK(there.st_mode) && there.st_ino == inode_;
  if (own) ::unlink(path_.c_str());
  leave();
}

Task<> AdminSocket::accept_loop() {
  while (acceptor_.is_open()) {
    auto [failed, accepted] = co_await acceptor_.async_accept(awaiting);
    if (failed == boost::asio::error::operation_aborted) co_return;
    if (failed) {
      boost::asio::steady_timer pause(acceptor_.get_executor(), accept_pause);
      co_await pause.async_wait(awaiting);
      continue;
    }
    begin(std::move(accepted));
  }
}

// Who is one too many gets no answer.
void AdminSocket::begin(Protocol::socket accepted) {
  if (connections_->count >= most_connections) return;
  ++connections_->count;
  boost::asio::co_spawn(acceptor_.get_executor(),
                        serve(std::make_shared<Protocol::socket>(std::move(accepted)), answer_),
                        [counted = connections_](const std::exception_ptr& failure) {
                          --counted->count;
                          if (failure) log::error("admin", "a connection ended by an internal error");
                        });
}

// By now the path is another socket's: whoever is still in the queue is the last.
void AdminSocket::retire() {
  boost::system::error_code failed;
  acceptor_.non_blocking(true, failed);
  while (!failed) {
    Protocol::socket accepted(acceptor_.get_executor());
    acceptor_.accept(accepted, failed);
    if (!failed) begin(std::move(accepted));
  }
  leave();
}

Task<> AdminSocket::serve(SocketPtr socket, Answer answer) {
  AdminPeer peer;
  if (!may_ask(socket->native_handle(), peer)) {
    log::warn("admin", "somebody else's connection is refused", {{"uid", std::to_string(peer.uid)}});
    co_return;
  }
  boost::asio::steady_timer patience(socket->get_executor());
  close_after(patience, socket);
  std::string text;
  const auto [failed, length] =
      co_await boost::asio::async_read_until(*socket, boost::asio::dynamic_buffer(text, longest_line), '\n', awaiting);
  patience.cancel();
  const bool too_long = failed == boost::asio::error::not_found;
  if (failed && !too_long) co_return;
  AdminAnswer answered{R"({"ok":false,"error":"a request has at most 4096 bytes"})"};
  if (!too_long) answered = co_await answer(text.substr(0, length - 1), peer);
  answered.line += '\n';
  close_after(patience, socket);
  const auto [unsent, bytes] = co_await boost::asio::async_write(*socket, boost::asio::buffer(answered.line), awaiting);
  patience.cancel();
  if (unsent || !answered.then_wait) co_return;
  char more = 0;
  co_await socket->async_read_some(boost::asio::buffer(&more, 1), awaiting);
}

}  // namespace dbgate::app
