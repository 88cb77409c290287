#include "gateway/api/http_session.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <optional>

#include "gateway/api/http_writer.h"
#include "gateway/api/problem.h"

namespace dbgate::api {
namespace {

constexpr std::chrono::milliseconds look_every{250};

/// Looks now and then whether the client is still there, once a handler wants to know.
class Watched final : public Client {
 public:
  Watched(Connection& connection, const net::Executor& executor)
      : state_(std::make_shared<State>(connection, executor)) {}
  ~Watched() override {
    state_->over = true;
    state_->timer.cancel();
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  bool gone() const noexcept override { return state_->connection.peer_gone(); }
  void when_gone(std::function<void()> stop) override {
    state_->stop = std::move(stop);
    look(state_);
  }

 private:
  struct State {
    State(Connection& of, const net::Executor& executor) : connection(of), timer(executor) {}
    Connection& connection;
    boost::asio::steady_timer timer;
    std::function<void()> stop;
    bool over = false;
  };

  static void look(const std::shared_ptr<State>& state) {
    if (state->over || !state->stop) return;
    if (state->connection.peer_gone()) {
      const auto stop = std::exchange(state->stop, nullptr);
      stop();
      return;
    }
    state->timer.expires_after(look_every);
    state->timer.async_wait([state](const boost::system::error_code& cancelled) {
      if (!cancelled) look(state);
    });
  }

  std::shared_ptr<State> state_;
};

/// One connection's loop.
class HttpSession {
 public:
  HttpSession(Connection& connection, Dispatcher& dispatcher, const HttpLimits& limits, const std::string& address,
              const std::function<void()>& upgraded)
      : connection_(connection),
        certificate_(connection.client_certificate()),
        dispatcher_(dispatcher),
        limits_(limits),
        address_(address),
        upgraded_(upgraded),
        reader_(connection, limits) {}

  /// @return whether there may be another request
  Task<bool> serve_one();

 private:
  Task<bool> refuse_and_end(const Request& request, const ReadResult& why);
  Task<bool> answer(Request& request);
  Task<ReadResult> read_body(Request& request, std::size_t most_bytes);
  Task<bool> become_websocket(const Request& request, Response response);
  Task<bool> become_tunnel(const Request& request, Response response);

  Connection& connection_;
  const std::optional<net::PeerCertificate> certificate_;
  Dispatcher& dispatcher_;
  const HttpLimits& limits_;
  const std::string& address_;
  const std::function<void()>& upgraded_;
  RequestReader reader_;
};

// What is still on its way from the client is dropped, so that it gets the answer.
Task<bool> HttpSession::refuse_and_end(const Request& request, const ReadResult& why) {
  Response response = dispatcher_.finish(request, problem(request, why.code, std::string(why.detail)));
  co_await write_response(connection_, limits_, std::move(response), {.keep_alive = false});
  co_await connection_.linger();
  co_return false;
}

Task<ReadResult> HttpSession::read_body(Request& request, std::size_t most_bytes) {
  if (reader_.has_body() && reader_.expects_continue() && reader_.declared_bytes() <= most_bytes) {
    const bool written = co_await write_continue(connection_, limits_);
    if (!written) co_return ReadResult{ReadResult::End::closed, {}, {}};
  }
  co_return co_await reader_.read_body(request, most_bytes);
}

Task<bool> HttpSession::become_websocket(const Request& request, Response response) {
  const Response finished = dispatcher_.finish(request, std::move(response));
  if (reader_.has_more()) co_return false;  // RFC 6455 §4.1: the client waits for the answer
  upgraded_();
  co_await connection_.serve_websocket(reader_.header_text(), *finished.upgrade, finished.headers);
  co_return false;
}

Task<bool> HttpSession::become_tunnel(const Request& request, Response response) {
  Response finished = dispatcher_.finish(request, std::move(response));
  if (reader_.has_more()) co_return false;  // it cannot know yet what will be spoken
  upgraded_();
  finished.headers.set("Connection", "Upgrade");
  finished.headers.set("Upgrade", std::string(tunnel_protocol));
  const auto take = std::move(finished.upgrade->take);
  const bool written = co_await write_response(connection_, limits_, std::move(finished), {});
  if (!written) co_return false;
  auto released = connection_.release();
  if (released) take(std::move(*released));
  co_return false;
}

Task<bool> HttpSession::answer(Request& request) {
  std::optional<Response> response = co_await dispatcher_.admit(request);
  // Who is refused has a small body read all the same: the connection stays usable.
  const bool refused = response.has_value();
  const std::size_t most = refused ? small_body_bytes : request.operation->most_body_bytes;
  const bool awaited = refused && reader_.expects_continue();
  if (refused && (awaited || reader_.declared_bytes() > most) && reader_.has_body()) {
    Response last = dispatcher_.finish(request, std::move(*response));
    co_await write_response(connection_, limits_, std::move(last), {.keep_alive = false});
    co_await connection_.linger();
    co_return false;
  }
  const ReadResult read = co_await read_body(request, most);
  if (read.end == ReadResult::End::refused) co_return co_await refuse_and_end(request, read);
  if (read.end == ReadResult::End::closed) co_return false;
  const auto executor = co_await boost::asio::this_coro::executor;
  Watched client(connection_, executor);
  request.client = &client;
  if (!refused) response = co_await dispatcher_.handle(request);
  if (response->upgrade && response->upgrade->take) co_return co_await become_tunnel(request, std::move(*response));
  if (response->upgrade) co_return co_await become_websocket(request, std::move(*response));
  const WriteOptions options{reader_.keep_alive(), reader_.is_http_1_0(), request.method == "HEAD"};
  Response finished = dispatcher_.finish(request, std::move(*response));
  const bool again = co_await write_response(connection_, limits_, std::move(finished), options);
  if (!again) co_await connection_.linger();
  co_return again;
}

Task<bool> HttpSession::serve_one() {
  Request request;
  request.address = address_;
  request.secured = connection_.secured();
  const ReadResult read = co_await reader_.read_header(request);
  if (read.end == ReadResult::End::closed) co_return false;
  if (read.end == ReadResult::End::refused) co_return co_await refuse_and_end(request, read);
  request.certificate = certificate_;
  request.begun = std::chrono::steady_clock::now();
  co_return co_await answer(request);
}

}  // namespace

Task<> serve_connection(std::unique_ptr<Connection> connection, Dispatcher& dispatcher, const HttpLimits& limits,
                        std::string address, std::function<void()> upgraded) {
  std::string_view why;
  const bool ready = co_await connection->handshake(Connection::Clock::now() + limits.handshake, &why);
  if (!ready) {
    dispatcher.note_tls_failure(why);
    co_return;
  }
  HttpSession session(*connection, dispatcher, limits, address, upgraded);
  bool more = true;
  while (more)
    more = co_await session.serve_one();
}

}  // namespace dbgate::api
