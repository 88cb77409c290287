#include "gateway/app/probe.h"

#include <netdb.h>

#include <boost/url/parse.hpp>
#include <memory>
#include <ostream>
#include <thread>

#include "config/endpoints.h"
#include "gateway/app/local_socket.h"

namespace dbgate::app {
namespace {

using Clock = LocalSocket::Clock;

constexpr std::chrono::milliseconds between_questions{200};
constexpr std::chrono::milliseconds longest_question{2'000};
constexpr std::size_t longest_answer = 64u << 10;

struct Place {
  std::string host;
  std::string port;
};

struct Answer {
  bool good = false;
  std::string body;
};

Error usage(const std::string& what) {
  return {sqlstate::invalid_parameter_value, what, "give the address of the ops listener: --url http://HOST:PORT"};
}

Result<Place> place_of_url(const std::string& text) {
  const auto url = boost::urls::parse_uri(text);
  const bool plain = url && url->scheme() == "http" && !url->host().empty() && !url->has_userinfo();
  if (!plain) return usage("the URL must be http://HOST:PORT");
  constexpr const char* usual = "80";
  return Place{url->host_address(), url->has_port() ? std::string(url->port()) : usual};
}

// A listener on all addresses is asked on this machine's own.
Result<Place> place_of_config(const std::string& path) {
  const auto endpoints = config::load_endpoints(path);
  if (!endpoints) return usage("cannot read " + path);
  const config::Listener& ops = endpoints->ops;
  if (!ops.enabled) return usage(path + " has no listen.ops");
  if (ops.port == 0) return usage("listen.ops of " + path + " takes any free port");
  Place place{ops.address, std::to_string(ops.port)};
  if (place.host == "0.0.0.0") place.host = "127.0.0.1";
  if (place.host == "::") place.host = "::1";
  return place;
}

Result<LocalSocket> connect(const Place& place, Clock::time_point deadline) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(place.host.c_str(), place.port.c_str(), &wanted, &found);
  if (failed != 0) return Error(sqlstate::connection_failure, place.host + ": " + ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, ::freeaddrinfo);
  Error last;
  for (const addrinfo* one = all.get(); one != nullptr; one = one->ai_next) {
    auto socket = LocalSocket::connect(one->ai_addr, one->ai_addrlen, deadline);
    if (socket) return socket;
    last = socket.error();
  }
  return last;
}

// HTTP/1.0: the answer ends with the connection, and is not in pieces (RFC 1945 §7.2.2).
Result<Answer> ask(const Probe& probe, Clock::time_point deadline) {
  DBGATE_TRY(const Place place, probe.url.empty() ? place_of_config(probe.config_path) : place_of_url(probe.url));
  DBGATE_TRY(LocalSocket socket, connect(place, deadline));
  DBGATE_CHECK(socket.write_all("GET " + probe.path + " HTTP/1.0\r\nHost: " + place.host + "\r\n\r\n"));
  DBGATE_TRY(const std::string text, socket.read_to_end(longest_answer));
  const std::size_t space = text.find(' ');
  const std::size_t body = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.") || space == std::string::npos || body == std::string::npos)
    return Error(sqlstate::protocol_violation, "the answer is not HTTP");
  return Answer{text.compare(space, 5, " 200 ") == 0, text.substr(body + 4)};
}

void say(const Error& why, std::ostream& errors) {
  errors << "dbgate-gateway: " << why.message() << '\n';
  if (!why.hint().empty()) errors << "  hint: " << why.hint() << '\n';
}

}  // namespace

int ask_once(const Probe& probe, std::ostream& out, std::ostream& errors) {
  const auto answer = ask(probe, Clock::now() + probe.timeout);
  if (!answer) {
    say(answer.error(), errors);
    return 1;
  }
  (answer->good ? out : errors) << answer->body << '\n';
  return answer->good ? 0 : 1;
}

int ask_until_good(const Probe& probe, std::ostream& out, std::ostream& errors) {
  const auto deadline = Clock::now() + probe.timeout;
  for (;;) {
    const auto answer = ask(probe, std::min(deadline, Clock::now() + longest_question));
    if (answer && answer->good) {
      out << answer->body << '\n';
      return 0;
    }
    if (Clock::now() + between_questions >= deadline) {
      errors << "dbgate-gateway: not ready within " << probe.timeout.count() << " ms\n";
      answer ? void(errors << answer->body << '\n') : say(answer.error(), errors);
      return 1;
    }
    std::this_thread::sleep_for(between_questions);
  }
}

}  // namespace dbgate::app
