// A server that answers at once: it takes every login and gives every SELECT the same row, so that what is in front of
// it, and not PostgreSQL, bounds the throughput. Says nothing about whether statements make sense.
//
// Usage: bench_stub PORT THREADS [CATALOG_PORT]   (127.0.0.1)
// Connections of application "dbgate catalog" are passed on to CATALOG_PORT, where a real server has the catalog;
// without one they are closed.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr std::uint32_t ssl_request = 80877103, gssenc_request = 80877104, cancel_request = 80877102;
constexpr std::uint32_t int4_oid = 23;

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

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return ntohl(value);
}

std::string int32(std::uint32_t value) {
  const std::uint32_t wire = htonl(value);
  return {reinterpret_cast<const char*>(&wire), sizeof wire};
}

std::string int16(std::uint16_t value) {
  const std::uint16_t wire = htons(value);
  return {reinterpret_cast<const char*>(&wire), sizeof wire};
}

std::string message(char type, std::string_view body) {
  return type + int32(static_cast<std::uint32_t>(body.size() + 4)).append(body);
}

std::string text(std::string_view value) {
  return std::string(value) + '\0';
}

std::string welcome() {
  std::string bytes = message('R', int32(0));
  constexpr std::array<std::array<const char*, 2>, 13> parameters{{{"server_version", "15.0"},
                                                                   {"server_encoding", "UTF8"},
                                                                   {"client_encoding", "UTF8"},
                                                                   {"DateStyle", "ISO, MDY"},
                                                                   {"integer_datetimes", "on"},
                                                                   {"standard_conforming_strings", "on"},
                                                                   {"TimeZone", "UTC"},
                                                                   {"is_superuser", "off"},
                                                                   {"application_name", ""},
                                                                   {"IntervalStyle", "postgres"},
                                                                   {"default_transaction_read_only", "off"},
                                                                   {"in_hot_standby", "off"},
                                                                   {"session_authorization", "postgres"}}};
  for (const auto& [name, value] : parameters)
    bytes += message('S', text(name) + text(value));
  return bytes + message('K', int32(1) + int32(1)) + message('Z', "I");
}

const std::string greeting = welcome();
const std::string description = message(
    'T', int16(1) + text("abalance") + int32(0) + int16(0) + int32(int4_oid) + int16(4) + int32(0xffffffff) + int16(0));
const std::string row = message('D', int16(1) + int32(1) + "0");
const std::string selected = message('C', text("SELECT 1"));
const std::string no_data = message('n', "");
const std::string parsed = message('1', ""), bound = message('2', ""), closed = message('3', "");

/// What a statement is answered with.
struct Answer {
  bool rows = false;
  char status = 0;  // transaction status that it leaves, 0: unchanged
  std::uint16_t parameters = 0;
  std::string tag;
};

Answer answer_to(std::string_view sql) {
  std::string word;
  for (const char letter : sql) {
    if (std::isalpha(static_cast<unsigned char>(letter)) == 0) break;
    word += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  Answer answer;
  answer.rows = word == "SELECT";
  if (word == "BEGIN" || word == "START") answer.status = 'T';
  if (word == "COMMIT" || word == "END" || word == "ROLLBACK") answer.status = 'I';
  const std::string count = word == "INSERT" ? " 0 1" : word == "UPDATE" || word == "DELETE" ? " 1" : "";
  answer.tag = answer.rows ? selected : message('C', text(word + count));
  for (std::size_t at = sql.find('$'); at != std::string_view::npos; at = sql.find('$', at + 1)) {
    const int which = std::atoi(sql.data() + at + 1);  // the text ends with a zero
    answer.parameters = std::max(answer.parameters, static_cast<std::uint16_t>(which));
  }
  return answer;
}

/// One connection after its startup packet.
class Conversation {
 public:
  /// Takes one message; false ends the connection.
  bool take(char type, std::string_view body, std::string& out);

 private:
  void describe(std::string_view body, std::string& out);
  void run(const Answer& answer, std::string& out);
  void ready(std::string& out) { out.append({'Z', 0, 0, 0, 5, status_}); }

  char status_ = 'I';
  std::map<std::string, Answer, std::less<>> statements_, portals_;
};

void Conversation::run(const Answer& answer, std::string& out) {
  if (answer.rows) out += row;
  out += answer.tag;
  if (answer.status != 0) status_ = answer.status;
}

void Conversation::describe(std::string_view body, std::string& out) {
  const bool statement = body.front() == 'S';
  const Answer& answer = (statement ? statements_ : portals_)[std::string(body.data() + 1)];
  if (statement) {
    std::string types = int16(answer.parameters);
    for (std::uint16_t i = 0; i < answer.parameters; ++i)
      types += int32(int4_oid);
    out += message('t', types);
  }
  out += answer.rows ? description : no_data;
}

bool Conversation::take(char type, std::string_view body, std::string& out) {
  switch (type) {
    case 'Q': {
      const Answer answer = answer_to(body);
      if (answer.rows) out += description;
      run(answer, out);
      ready(out);
      return true;
    }
    case 'P': {
      const std::string_view name = body.data();
      statements_[std::string(name)] = answer_to(body.substr(name.size() + 1));
      out += parsed;
      return true;
    }
    case 'B': {
      const std::string_view portal = body.data(), statement = body.data() + portal.size() + 1;
      portals_[std::string(portal)] = statements_[std::string(statement)];
      out += bound;
      return true;
    }
    case 'D':
      describe(body, out);
      return true;
    case 'E':
      run(portals_[std::string(body.data())], out);
      return true;
    case 'C':
      out += closed;
      return true;
    case 'S':
      ready(out);
      return true;
    case 'H':
      return true;
    default:
      return false;
  }
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Copies both ways until either side ends. Takes over both sockets.
void pass_on(int client, int port, const std::string& startup) {
  ::fcntl(client, F_SETFL, ::fcntl(client, F_GETFL) & ~O_NONBLOCK);
  const int server = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = local(port);
  std::array<pollfd, 2> ends{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
  bool open =
      ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && send_all(server, startup);
  std::array<char, 64 * 1024> buffer;
  while (open && ::poll(ends.data(), ends.size(), -1) > 0) {
    for (std::size_t from = 0; from < 2 && open; ++from) {
      if (ends[from].revents == 0) continue;
      const ssize_t got = ::recv(ends[from].fd, buffer.data(), buffer.size(), 0);
      open = got > 0 && send_all(ends[1 - from].fd, {buffer.data(), static_cast<std::size_t>(got)});
    }
  }
  ::close(client);
  ::close(server);
}

struct Peer {
  int socket = -1;
  std::uint32_t events = 0;
  bool welcomed = false;
  std::string in, out;
  Conversation conversation;
};

/// One thread with a listener of its own; the kernel spreads connections over them.
class Loop {
 public:
  Loop(int port, int catalog_port);
  [[noreturn]] void run();

 private:
  enum class Next { go_on, drop, handed_over };

  void accept();
  Next receive(Peer& peer);
  Next start(Peer& peer);
  Next flush(Peer& peer) const;
  void handle(Peer* peer);
  void watch(Peer& peer, std::uint32_t events, int operation) const;

  const int catalog_port_;
  const int epoll_ = ::epoll_create1(0);
  const int listener_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

Loop::Loop(int port, int catalog_port)
    : catalog_port_(catalog_port), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  const sockaddr_in address = local(port);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(listener_, 1024) != 0) fail("listen");
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
}

void Loop::run() {
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto* const peer = static_cast<Peer*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (peer == nullptr) {
        accept();
      } else {
        handle(peer);
      }
    }
  }
}

void Loop::watch(Peer& peer, std::uint32_t events, int operation) const {
  peer.events = events;
  epoll_event event{};
  event.events = events;
  event.data.ptr = &peer;
  ::epoll_ctl(epoll_, operation, peer.socket, &event);
}

void Loop::accept() {
  const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
  if (socket < 0) return;
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto* const peer = new Peer;
  peer->socket = socket;
  watch(*peer, EPOLLIN, EPOLL_CTL_ADD);
}

void Loop::handle(Peer* peer) {
  Next next = flush(*peer);
  // What the other side has not taken yet must go before more is read.
  if (next == Next::go_on && peer->out.empty()) next = receive(*peer);
  if (next == Next::go_on) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, peer->socket, nullptr);
  if (next == Next::drop) ::close(peer->socket);
  delete peer;
}

Loop::Next Loop::receive(Peer& peer) {
  const ssize_t got = ::recv(peer.socket, buffer_.data(), buffer_.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Next::go_on;
  if (got <= 0) return Next::drop;
  peer.in.append(buffer_.data(), static_cast<std::size_t>(got));
  if (!peer.welcomed) {
    const Next next = start(peer);
    if (next != Next::go_on || !peer.welcomed) return next == Next::go_on ? flush(peer) : next;
  }
  const std::string_view all = peer.in;
  std::size_t at = 0;
  while (all.size() - at >= 5) {
    const std::size_t length = number_at(all, at + 1);
    if (length < 4) return Next::drop;
    if (all.size() - at < 1 + length) break;
    if (!peer.conversation.take(all[at], all.substr(at + 5, length - 4), peer.out)) return Next::drop;
    at += 1 + length;
  }
  peer.in.erase(0, at);
  return flush(peer);
}

Loop::Next Loop::start(Peer& peer) {
  while (!peer.welcomed && peer.in.size() >= 8) {
    const std::size_t length = number_at(peer.in, 0);
    if (length < 8 || length > 10'000) return Next::drop;
    if (peer.in.size() < length) return Next::go_on;
    const std::uint32_t code = number_at(peer.in, 4);
    if (code == cancel_request) return Next::drop;
    const std::string packet = peer.in.substr(0, length);
    peer.in.erase(0, length);
    if (code == ssl_request || code == gssenc_request) {
      peer.out += 'N';
      continue;
    }
    if (packet.find("dbgate catalog") != std::string::npos) {
      if (catalog_port_ == 0) return Next::drop;
      std::thread(pass_on, peer.socket, catalog_port_, packet).detach();
      return Next::handed_over;
    }
    peer.welcomed = true;
    peer.out += greeting;
  }
  return Next::go_on;
}

Loop::Next Loop::flush(Peer& peer) const {
  if (peer.out.empty()) return Next::go_on;
  const ssize_t sent = ::send(peer.socket, peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return Next::drop;
  if (sent > 0) peer.out.erase(0, static_cast<std::size_t>(sent));
  const std::uint32_t events = peer.out.empty() ? EPOLLIN : EPOLLOUT;
  if (events != peer.events) watch(peer, events, EPOLL_CTL_MOD);
  return Next::go_on;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3 && count != 4) {
    std::fprintf(stderr, "usage: bench_stub PORT THREADS [CATALOG_PORT]\n");
    return 2;
  }
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const int port = std::atoi(arguments[1]);
  const int catalog_port = count == 4 ? std::atoi(arguments[3]) : 0;
  for (int i = 1; i < std::atoi(arguments[2]); ++i)
    std::thread([=] { Loop(port, catalog_port).run(); }).detach();
  Loop(port, catalog_port).run();
}
