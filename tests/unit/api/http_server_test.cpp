#include "gateway/api/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <stdexcept>
#include <thread>

#include "fakes.h"

namespace dbgate::api {
namespace {

using namespace std::chrono_literals;

std::atomic<std::size_t> written{0};
std::promise<void>* gone = nullptr;
constexpr std::size_t pieces = 400;
constexpr std::size_t piece_bytes = 200'000;

Task<bool> write_pieces(BodyWriter& out) {
  const std::string piece(piece_bytes, 'x');
  for (std::size_t i = 0; i < pieces; ++i) {
    const auto sent = co_await out.write(piece);
    if (!sent) {
      if (gone != nullptr) gone->set_value();
      co_return false;
    }
    written += piece.size();
  }
  co_return true;
}

Task<Response> download(Services& /*services*/, Request& /*request*/) {
  Response response;
  response.content_type = "application/x-ndjson";
  response.stream = write_pieces;
  co_return response;
}
Task<bool> write_half(BodyWriter& out) {
  co_await out.write("half");
  co_return false;
}
Task<bool> write_and_throw(BodyWriter& out) {
  co_await out.write("half");
  throw std::runtime_error("a secret");
}
Task<Response> half(Services& /*services*/, Request& request) {
  Response response;
  response.stream = request.query == "throw" ? write_and_throw : write_half;
  co_return response;
}
Task<bool> write_two(BodyWriter& out) {
  co_await out.write("one");
  co_await out.write("two");
  co_return true;
}
Task<Response> two(Services& /*services*/, Request& /*request*/) {
  Response response;
  response.stream = write_two;
  co_return response;
}
// A statement that runs for long: only the client's going ends it.
Task<Response> wait(Services& /*services*/, Request& request) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 60s);
  request.client->when_gone([&timer] { timer.cancel(); });
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (request.client->gone()) gone->set_value();
  co_return no_content();
}
Task<Response> large(Services& /*services*/, Request& /*request*/) {
  co_return json_response("\"" + std::string(1'000'000, 'x') + "\"");
}
Task<Response> echo(Services& /*services*/, Request& request) {
  Response response = json_response(request.body);
  response.headers.set("X-Trace", request.trace.trace_id);
  response.headers.set("X-Injected", "a\r\nX-Evil: 1");
  co_return response;
}

constexpr Access anybody = Access::anybody;
const Operation table[] = {
    {.method = "GET", .path = "/download", .id = "download", .handler = download, .access = anybody},
    {.method = "GET", .path = "/half", .id = "half", .handler = half, .access = anybody},
    {.method = "GET", .path = "/two", .id = "two", .handler = two, .access = anybody},
    {.method = "GET", .path = "/wait", .id = "wait", .handler = wait, .access = anybody},
    {.method = "GET", .path = "/large", .id = "large", .handler = large, .access = anybody},
    {.method = "POST", .path = "/echo", .id = "echo", .handler = echo, .access = anybody},
};

/// A socket of a client that knows no HTTP.
class Socket {
 public:
  explicit Socket(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send(const std::string& text) const { ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL); }
  /// Until `end` or the end of the connection.
  std::string read_until(const std::string& end) {
    char buffer[65536];
    while (text_.find(end) == std::string::npos) {
      pollfd look{descriptor_, POLLIN, 0};
      if (::poll(&look, 1, 20'000) <= 0) return "nothing came";
      const ssize_t bytes = ::recv(descriptor_, buffer, sizeof buffer, 0);
      if (bytes <= 0) break;
      text_.append(buffer, static_cast<std::size_t>(bytes));
    }
    return text_;
  }
  std::string read_all() { return read_until("\x01 never"); }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  bool connected = false;

 private:
  int descriptor_;
  std::string text_;
};

std::string get(const std::string& path, const std::string& version = "1.1") {
  return "GET " + path + " HTTP/" + version + "\r\nHost: x\r\nConnection: close\r\n\r\n";
}
std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

class Serving : public ::testing::Test {
 protected:
  Serving() {
    written = 0;
    limits_.write = 1s;
    server_ = std::make_unique<HttpServer>(
        stage_.context, stage_.dispatcher, [] { return ServerSettings{}; }, limits_);
    EXPECT_TRUE(server_->listen({"127.0.0.1", 0, {}}));
    port = server_->port();
    thread_ = std::thread([this] { stage_.context.run(); });
  }
  ~Serving() override {
    stage_.context.stop();
    thread_.join();
    gone = nullptr;
  }
  std::string ask(const std::string& text) const {
    Socket client(port);
    client.send(text);
    return client.read_all();
  }
  std::uint16_t port = 0;

 private:
  Stage stage_{table};
  HttpLimits limits_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

TEST_F(Serving, StreamsInChunks) {
  const std::string answer = ask(get("/two"));
  EXPECT_NE(answer.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
  EXPECT_EQ(body_of(answer), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
}

TEST_F(Serving, OldClientsGetPlainBytes) {
  const std::string answer = ask(get("/two", "1.0"));
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
  EXPECT_EQ(body_of(answer), "onetwo");
}

TEST_F(Serving, HeadersOfStreamsAlone) {
  EXPECT_EQ(body_of(ask("HEAD /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), "");
}

TEST_F(Serving, WhatIsIncompleteHasNoEnd) {
  for (const char* path : {"/half", "/half?throw"}) {
    const std::string answer = ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(body_of(answer), "4\r\nhalf\r\n") << path;
  }
}

TEST_F(Serving, LargeAnswersArriveWhole) {
  EXPECT_EQ(body_of(ask(get("/large"))).size(), 1'000'002u);
}

TEST_F(Serving, SlowClientsSlowTheHandlerDown) {
  std::promise<void> failed;
  gone = &failed;
  Socket client(port);
  client.send(get("/download"));
  // The client reads nothing. Buffers of the kernel fill, and the second of HttpLimits::write passes.
  ASSERT_EQ(failed.get_future().wait_for(30s), std::future_status::ready);
  EXPECT_LT(written.load(), pieces * piece_bytes / 2) << "what the client has not read is not made";
  client.close();
  gone = nullptr;
  const std::string all = ask(get("/download"));
  EXPECT_GT(all.size(), pieces * piece_bytes);
  EXPECT_TRUE(all.ends_with("\r\n0\r\n\r\n"));
}

TEST_F(Serving, HandlersHearThatTheClientWent) {
  std::promise<void> heard;
  gone = &heard;
  Socket client(port);
  client.send(get("/wait"));
  EXPECT_EQ(body_of(ask(get("/two"))).size(), 21u) << "others are served meanwhile";
  client.close();
  EXPECT_EQ(heard.get_future().wait_for(20s), std::future_status::ready);
}

TEST_F(Serving, ValuesOfHeadersAreOneLine) {
  const std::string answer =
      ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n"
          "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\nhi");
  EXPECT_EQ(answer.find("X-Evil"), std::string::npos);
  EXPECT_NE(answer.find("X-Trace: 4bf92f3577b34da6a3ce929d0e0e4736\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer), "hi");
}

TEST_F(Serving, BodiesComeInAnyPieces) {
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "3;extension=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t split = 1; split < request.size(); split += 7) {
    Socket client(port);
    client.send(request.substr(0, split));
    client.send(request.substr(split));
    EXPECT_EQ(body_of(client.read_all()), "abcde") << split;
  }
}

TEST_F(Serving, PipelinedRequestsAreAnsweredInOrder) {
  std::string requests;
  for (int i = 0; i < 20; ++i)
    requests += "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n" + std::to_string(10 + i);
  const std::string answer = ask(requests + get("/two"));
  std::size_t at = 0;
  for (int i = 0; i < 20; ++i) {
    at = answer.find("\r\n\r\n" + std::to_string(10 + i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

}  // namespace
}  // namespace dbgate::api
