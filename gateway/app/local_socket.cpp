#include "gateway/app/local_socket.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace dbgate::app {
namespace {

Error failure(const std::string& what, int why) {
  return {sqlstate::connection_failure, what + ": " + std::generic_category().message(why)};
}

}  // namespace

Result<LocalSocket> LocalSocket::connect(const sockaddr* address, socklen_t length, Clock::time_point deadline) {
  const int descriptor = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return failure("cannot make a socket", errno);
  LocalSocket socket(descriptor, deadline);
  if (::connect(descriptor, address, length) == 0) return socket;
  if (errno != EINPROGRESS) return failure("cannot connect", errno);
  DBGATE_CHECK(socket.wait_for(POLLOUT));
  int why = 0;
  socklen_t size = sizeof why;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &why, &size);
  if (why != 0) return failure("cannot connect", why);
  return socket;
}

LocalSocket::~LocalSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

LocalSocket::LocalSocket(LocalSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), deadline_(other.deadline_) {}

Result<> LocalSocket::wait_for(short events) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    pollfd waited{descriptor_, events, 0};
    const int ready = left <= 0 ? 0 : ::poll(&waited, 1, static_cast<int>(std::min<std::int64_t>(left, 3'600'000)));
    if (ready > 0) return boost::system::in_place_value;
    if (ready == 0 && Clock::now() >= deadline_) return Error(sqlstate::query_canceled, "no answer in time");
    if (ready < 0 && errno != EINTR) return failure("cannot wait", errno);
  }
}

Result<> LocalSocket::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      DBGATE_CHECK(wait_for(POLLOUT));
    } else if (errno != EINTR) {
      return failure("cannot send", errno);
    }
  }
  return boost::system::in_place_value;
}

Result<std::string> LocalSocket::read_some() {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto bytes = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (bytes >= 0) return std::string(buffer.data(), static_cast<std::size_t>(bytes));
    if (errno == EAGAIN) {
      DBGATE_CHECK(wait_for(POLLIN));
    } else if (errno != EINTR) {
      return failure("cannot read the answer", errno);
    }
  }
}

Result<std::string> LocalSocket::read_to_end(std::size_t most) {
  std::string all;
  while (all.size() < most) {
    DBGATE_TRY(const std::string some, read_some());
    if (some.empty()) break;
    all += some;
  }
  return all;
}

Result<std::string> LocalSocket::read_line(std::size_t most) {
  std::string all;
  for (;;) {
    const std::size_t end = all.find('\n');
    if (end != std::string::npos) return all.substr(0, end);
    if (all.size() > most) return Error(sqlstate::connection_failure, "the answer is too long");
    DBGATE_TRY(const std::string some, read_some());
    if (some.empty()) return Error(sqlstate::connection_failure, "the connection ended without an answer");
    all += some;
  }
}

}  // namespace dbgate::app
