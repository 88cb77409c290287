#include "cli/tunnel/control.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/files.h"
#include "cli/problem.h"
#include "protocol/postgres/bytes.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds request_limit{5};
constexpr std::size_t most_request_bytes = 256;
constexpr time_t answer_seconds = 3;

std::string directory() {
  return made_private(runtime_directory() + "/tunnels");
}

// Sends one line and reads until the other end closes. Nothing if nobody is there.
std::optional<std::string> exchange(const std::string& path, const std::string& line, bool& stale) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::nullopt;
  const timeval limit{answer_seconds, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  std::string answer;
  bool fine = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  stale = !fine && errno == ECONNREFUSED;
  fine = fine && ::send(descriptor, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
  char buffer[4096];
  for (ssize_t got = 0; fine && (got = ::recv(descriptor, buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<std::size_t>(got));
  ::close(descriptor);
  if (!fine) return std::nullopt;
  return answer;
}

}  // namespace

TunnelControl::TunnelControl(boost::asio::io_context& context, Handlers handlers)
    : handlers_(std::move(handlers)),
      path_(directory() + "/" + std::to_string(::getpid()) + ".sock"),
      listener_(context) {
  net::ListenAddress address;
  address.unix_path = path_;
  const auto opened = listener_.open(address);
  if (!opened) throw Problem{Exit::tunnel_failed, opened.error().message(), "set XDG_RUNTIME_DIR to a shorter path"};
  listener_.start(
      "control", [&context]() -> boost::asio::io_context& { return context; },
      [this](net::Stream client) { return serve(std::move(client)); });
}

TunnelControl::~TunnelControl() {
  listener_.close();
  ::unlink(path_.c_str());
}

Task<> TunnelControl::serve(net::Stream client) {
  if (client.peer_uid() != ::geteuid()) co_return;
  const net::Deadline deadline(client, request_limit);
  std::string line;
  std::byte piece[64];
  while (line.find('\n') == std::string::npos) {
    const auto got = co_await client.read_some(piece);
    if (!got || line.size() > most_request_bytes) co_return;
    line.append(reinterpret_cast<const char*>(piece), *got);
  }
  const bool end = line == "end\n";
  const std::string answer = end ? "{\"ended\":true}\n" : json::serialize(handlers_.status()) + "\n";
  co_await client.write_all(protocol::as_bytes(answer));
  client.close();
  if (end) handlers_.end();
}

std::vector<LiveTunnel> live_tunnels() {
  std::vector<LiveTunnel> tunnels;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory(), failed)) {
    const std::string path = entry.path().string();
    if (!path.ends_with(".sock")) continue;
    bool stale = false;
    const auto answer = exchange(path, "status\n", stale);
    if (stale) ::unlink(path.c_str());
    boost::system::error_code bad;
    const json::value status = answer ? json::parse(*answer, bad) : json::value();
    if (!bad && status.is_object()) tunnels.push_back({path, status.as_object()});
  }
  std::sort(tunnels.begin(), tunnels.end(),
            [](const LiveTunnel& a, const LiveTunnel& b) { return a.socket < b.socket; });
  return tunnels;
}

bool end_tunnel(const LiveTunnel& tunnel) {
  bool stale = false;
  if (!exchange(tunnel.socket, "end\n", stale)) return false;
  for (int tries = 0; tries < 300; ++tries) {
    if (::access(tunnel.socket.c_str(), F_OK) != 0) return true;
    ::usleep(10'000);
  }
  return false;
}

}  // namespace dbgate::cli
