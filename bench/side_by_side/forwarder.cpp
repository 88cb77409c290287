// The least that a proxy can do: a plain epoll loop that reads, writes, and looks at nothing. What all others cost is
// compared with this.
//
// Usage: bench_forwarder LISTEN_PORT UPSTREAM_PORT   (127.0.0.1, both)
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

std::array<char, 256 * 1024> shared_buffer;

struct Pair;

/// One socket of a connection, and what still has to be written to it.
struct End {
  int socket = -1;
  std::uint32_t events = EPOLLIN;
  std::string pending;
  Pair* pair = nullptr;
};

struct Pair {
  std::array<End, 2> ends;  // client, server
  bool closed = false;
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

class Forwarder {
 public:
  Forwarder(int listen_port, int upstream_port) : upstream_(local(upstream_port)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = local(listen_port);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
    if (::listen(listener_, 1024) != 0) fail("listen");
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.ptr == nullptr) {
          accept();
        } else {
          handle(*static_cast<End*>(event.data.ptr), event.events);
        }
      }
      // Events of this round may still point to them.
      for (Pair* const pair : closed_)
        delete pair;
      closed_.clear();
    }
  }

 private:
  void accept() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (client < 0) return;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&upstream_), sizeof upstream_) != 0 &&
        errno != EINPROGRESS) {
      ::close(server);
      ::close(client);
      return;
    }
    auto* const pair = new Pair;
    pair->ends[0].socket = client;
    pair->ends[1].socket = server;
    for (End& end : pair->ends) {
      const int on = 1;
      ::setsockopt(end.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      end.pair = pair;
      epoll_event event{};
      event.events = end.events;
      event.data.ptr = &end;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, end.socket, &event);
    }
  }

  static End& other(End& end) { return end.pair->ends[&end == &end.pair->ends[0] ? 1 : 0]; }

  void handle(End& end, std::uint32_t events) {
    if (end.pair->closed) return;
    if ((events & EPOLLOUT) != 0 && !drain(end)) return close(*end.pair);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !forward(end, other(end))) close(*end.pair);
  }

  /// False: the connection is over.
  bool forward(End& from, End& to) {
    if (!to.pending.empty()) return true;
    const ssize_t got = ::recv(from.socket, shared_buffer.data(), shared_buffer.size(), 0);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    const auto size = static_cast<std::size_t>(got);
    ssize_t sent = ::send(to.socket, shared_buffer.data(), size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) return false;
    if (sent < 0) sent = 0;
    if (static_cast<std::size_t>(sent) < size) {
      to.pending.assign(shared_buffer.data() + sent, size - static_cast<std::size_t>(sent));
      watch(from, from.events & ~static_cast<std::uint32_t>(EPOLLIN));
      watch(to, to.events | EPOLLOUT);
    }
    return true;
  }

  bool drain(End& end) {
    const ssize_t sent = ::send(end.socket, end.pending.data(), end.pending.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    end.pending.erase(0, static_cast<std::size_t>(sent));
    if (!end.pending.empty()) return true;
    watch(end, end.events & ~static_cast<std::uint32_t>(EPOLLOUT));
    watch(other(end), other(end).events | EPOLLIN);
    return true;
  }

  void watch(End& end, std::uint32_t events) {
    end.events = events;
    epoll_event event{};
    event.events = events;
    event.data.ptr = &end;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, end.socket, &event);
  }

  void close(Pair& pair) {
    pair.closed = true;
    for (const End& end : pair.ends)
      ::close(end.socket);
    closed_.push_back(&pair);
  }

  const sockaddr_in upstream_;
  const int epoll_ = ::epoll_create1(0);
  int listener_ = -1;
  std::vector<Pair*> closed_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: bench_forwarder LISTEN_PORT UPSTREAM_PORT\n");
    return 2;
  }
  Forwarder(std::atoi(arguments[1]), std::atoi(arguments[2])).run();
}
