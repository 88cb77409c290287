#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <boost/url/params_view.hpp>
#include <boost/url/parse.hpp>
#include <iostream>

#include "cli/commands/sign_in.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"
#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"

extern char** environ;

namespace dbgate::cli {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using asio::ip::tcp;

constexpr std::chrono::minutes sign_in_limit{5};
constexpr int request_milliseconds = 5000;
constexpr std::size_t most_request_bytes = 16u << 10;

std::string base64url(const std::string& raw) {
  std::string text = auth::base64_encode(raw);
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  while (!text.empty() && text.back() == '=')
    text.pop_back();
  return text;
}

/// What the browser brought back.
struct Callback {
  bool found = false;
  std::string code, state, error, description;
};

Callback callback_of(const std::string& request) {
  Callback callback;
  const std::size_t end = request.find(' ', 4);
  if (!request.starts_with("GET ") || end == std::string::npos) return callback;
  const auto url = boost::urls::parse_origin_form(std::string_view(request).substr(4, end - 4));
  if (!url || url->path() != "/callback") return callback;
  callback.found = true;
  for (const auto& parameter : url->params()) {
    if (parameter.key == "code") callback.code = parameter.value;
    if (parameter.key == "state") callback.state = parameter.value;
    if (parameter.key == "error") callback.error = parameter.value;
    if (parameter.key == "error_description") callback.description = parameter.value;
  }
  return callback;
}

// Nothing of what the browser sent stands in the page, and nothing is fetched from anywhere.
std::string page_of(bool fine) {
  const std::string body = std::string(
                               "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>dbgate</title>"
                               "<body style=\"font-family:sans-serif;margin:3em\"><h1>") +
                           (fine ? "You are signed in" : "You are not signed in") + "</h1><p>" +
                           (fine ? "Close this page and go back to the terminal." : "The terminal says why.") +
                           "</p></body></html>";
  return std::string("HTTP/1.1 ") + (fine ? "200 OK" : "400 Bad Request") +
         "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nCache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
         "Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n" +
         body;
}

/// The listener on loopback that the browser is sent back to.
class Loopback {
 public:
  Loopback() : acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
  std::string redirect_uri() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/callback";
  }

  // Requests with another state come from whoever found the port: they get an error and change nothing.
  Callback wait(const std::string& state) {
    const auto end = std::chrono::steady_clock::now() + sign_in_limit;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd ready{acceptor_.native_handle(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0) {
        throw Problem{Exit::timed_out, "nobody signed in in time", "dbgate login"};
      }
      boost::system::error_code failed;
      tcp::socket socket(context_);
      acceptor_.accept(socket, failed);
      if (failed) continue;
      const Callback callback = callback_of(read_request(socket));
      const bool ours = callback.found && auth::equal_constant_time(callback.state, state);
      asio::write(socket, asio::buffer(page_of(ours && callback.error.empty())), failed);
      socket.shutdown(tcp::socket::shutdown_both, failed);
      if (ours) return callback;
    }
  }

 private:
  static std::string read_request(tcp::socket& socket) {
    std::string request;
    char buffer[2048];
    while (request.find("\r\n\r\n") == std::string::npos && request.size() < most_request_bytes) {
      pollfd ready{socket.native_handle(), POLLIN, 0};
      if (::poll(&ready, 1, request_milliseconds) <= 0) break;
      const ssize_t got = ::recv(socket.native_handle(), buffer, sizeof buffer, 0);
      if (got <= 0) break;
      request.append(buffer, static_cast<std::size_t>(got));
    }
    return request;
  }

  asio::io_context context_{1};
  tcp::acceptor acceptor_;
};

void start_browser(const std::string& url) {
  const std::string chosen = environment("BROWSER");
  std::string program = chosen.empty() ? "xdg-open" : chosen.substr(0, chosen.find(':'));
  std::string address = url;
  char* arguments[] = {program.data(), address.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) std::cerr << "cannot start " << program << "; open the address yourself\n";
}

}  // namespace

json::value sign_in_with_browser(Api& api, const std::string& provider, bool open_browser) {
  Loopback loopback;
  const std::string state = base64url(auth::random_bytes(24));
  const std::string verifier = base64url(auth::random_bytes(32));
  json::object request{{"redirect_uri", loopback.redirect_uri()},
                       {"code_challenge", base64url(auth::sha256(verifier))},
                       {"state", state}};
  if (!provider.empty()) request["provider"] = provider;
  const std::string url = text_at(api.start_oidc(request), "authorization_url");
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    throw Problem{Exit::failure, "the gateway names no page to sign in on", "ask its administrator"};
  }
  std::cerr << "Sign in on this page:\n  " << url << '\n';
  if (open_browser) start_browser(url);
  const Callback callback = [&] {
    const Progress progress(api.options(), "waiting for the browser");
    return loopback.wait(state);
  }();
  if (!callback.error.empty() || callback.code.empty()) {
    const std::string why = callback.description.empty() ? callback.error : callback.description;
    throw Problem{Exit::not_authenticated, "signing in failed" + (why.empty() ? "" : ": " + why), "dbgate login"};
  }
  return api.redeem_code(callback.code, verifier, loopback.redirect_uri());
}

}  // namespace dbgate::cli
