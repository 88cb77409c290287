
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <vector>

#include "cli/http/dial.h"
#include "cli/tunnel/remote.h"
#include "gateway/net/race.h"
#include "protocol/postgres/bytes.h"

// Bytes as they are, from the local socket to the gateway's and back: one process on the way, one copy each way.
namespace dbgate::cli {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using protocol::as_bytes;

constexpr std::chrono::seconds handshake_limit{20};
constexpr std::size_t most_header_bytes = 16u << 10;
// Large enough that a stream leaves in few pieces: TLS gives 16 KiB at a time.
constexpr std::size_t buffer_bytes = 128u << 10;
constexpr int quiet_seconds = 60;  // then TCP asks whether the gateway is there, which also keeps the way open

using Answer = http::response_parser<http::empty_body>;

/// Reads until there is nothing left for now, or no room. @return what the last attempt said
net::IoStatus read_what_is_there(net::Stream& from, std::span<std::byte> room, std::size_t& filled) {
  filled = 0;
  while (filled < room.size()) {
    const net::IoResult got = from.try_read(room.subspan(filled));
    if (got.status != net::IoStatus::ok) return got.status;
    filled += got.bytes;
    if (got.drained) return net::IoStatus::want_read;
  }
  return net::IoStatus::ok;
}

/// Moves bytes until one side has ended or is lost. @return whether it was the end of `from`
Task<bool> pump(net::Stream& from, net::Stream& to, std::uint64_t& count) {
  std::vector<std::byte> buffer(buffer_bytes);
  for (;;) {
    std::size_t filled = 0;
    const net::IoStatus status = read_what_is_there(from, buffer, filled);
    count += filled;
    std::span<const std::byte> rest(buffer.data(), filled);
    while (!rest.empty()) {
      const iovec piece{const_cast<std::byte*>(rest.data()), rest.size()};
      const net::IoResult sent = to.try_write({&piece, 1});
      if (sent.status == net::IoStatus::failed || sent.status == net::IoStatus::end) co_return false;
      rest = rest.subspan(sent.bytes);
      if (sent.status == net::IoStatus::want_write) co_await to.wait_writable();
      if (sent.status == net::IoStatus::want_read) co_await to.wait_readable();
    }
    if (status == net::IoStatus::end) co_return true;
    if (status == net::IoStatus::failed) co_return false;
    if (status == net::IoStatus::want_read) co_await from.wait_readable();
    if (status == net::IoStatus::want_write) co_await from.wait_writable();
  }
}

class PlainRemote final : public Remote {
 public:
  /// @param early  what the gateway has sent already
  PlainRemote(net::Stream gateway, std::string early) : gateway_(std::move(gateway)), early_(std::move(early)) {}

  Task<RemoteEnd> relay(net::Stream& client, std::string first, TunnelCounts& counts) override {
    RemoteEnd end;
    counts.bytes_sent += first.size();
    counts.bytes_received += early_.size();
    const auto sent = co_await gateway_.write_all(as_bytes(first));
    const auto told = co_await client.write_all(as_bytes(early_));
    if (!sent || !told) co_return end;
    co_await net::race(to_gateway(client, counts, end.by_client), to_client(client, counts));
    co_return end;
  }

 private:
  // The end of this direction is passed on; the connection ends with the other one.
  Task<> to_gateway(net::Stream& client, TunnelCounts& counts, bool& ended) {
    ended = co_await pump(client, gateway_, counts.bytes_sent);
    if (!ended) co_return;
    gateway_.finish_writing();
    net::Event never(gateway_.executor());
    co_await never.wait();
  }
  Task<> to_client(net::Stream& client, TunnelCounts& counts) {
    co_await pump(gateway_, client, counts.bytes_received);
  }

  net::Stream gateway_;
  std::string early_;
};

std::string upgrade_request(const RemoteSettings& settings, const std::string& token) {
  return "GET " + settings.path + " HTTP/1.1\r\nHost: " + settings.url.host + ":" + std::to_string(settings.url.port) +
         "\r\nAuthorization: Bearer " + token + "\r\nConnection: Upgrade\r\nUpgrade: dbgate-tunnel\r\n\r\n";
}

/// Reads an answer's header; what came behind it stays in `text`. False: it is none.
Task<bool> read_answer(net::Stream& stream, Answer& answer, std::string& text) {
  constexpr std::string_view header_end = "\r\n\r\n";
  std::size_t end = std::string::npos;
  while ((end = text.find(header_end)) == std::string::npos) {
    if (text.size() > most_header_bytes) co_return false;
    std::byte piece[4096];
    const auto got = co_await stream.read_some(piece);
    if (!got) co_return false;
    text.append(reinterpret_cast<const char*>(piece), *got);
  }
  boost::system::error_code malformed;
  answer.put(boost::asio::buffer(text.data(), end + header_end.size()), malformed);
  text.erase(0, end + header_end.size());
  co_return !malformed && answer.is_header_done();
}

bool has_changed_over(const Answer& answer) {
  const auto& message = answer.get();
  return message.result_int() == 101 && http::token_list(message[http::field::upgrade]).exists("dbgate-tunnel");
}

Task<Result<net::Stream>> connect(const net::Executor& executor, const RemoteSettings& settings) {
  auto dialled = co_await dial(executor, settings.url);
  if (!dialled) co_return gateway_unreachable(settings.url, dialled.error().message());
  net::Stream stream{net::Socket((*dialled)->release_socket())};
  if (settings.tls) {
    std::string host = settings.url.host;
    if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
    const net::Deadline deadline(stream, handshake_limit);
    const auto secured = co_await stream.connect_tls(settings.tls.get(), host, !settings.options.insecure);
    if (!secured) co_return gateway_unreachable(settings.url, secured.error().message());
  }
  co_return stream;
}

}  // namespace

Task<Result<std::unique_ptr<Remote>>> open_plain_remote(net::Executor executor, RemoteSettings settings,
                                                        std::string token) {
  auto connected = co_await connect(executor, settings);
  if (!connected) co_return connected.error();
  net::Stream stream = std::move(*connected);
  Answer answer;
  std::string text;
  {
    const net::Deadline deadline(stream, handshake_limit);
    const std::string request = upgrade_request(settings, token);
    const auto sent = co_await stream.write_all(as_bytes(request));
    if (!sent) co_return std::unique_ptr<Remote>();
    const bool answered = co_await read_answer(stream, answer, text);
    if (!answered) co_return std::unique_ptr<Remote>();
  }
  const auto refused = refusal_of(answer.get().result_int());
  if (!refused) co_return refused.error();
  if (!has_changed_over(answer)) co_return std::unique_ptr<Remote>();
  stream.keep_alive({std::chrono::seconds(quiet_seconds), std::chrono::seconds(2 * quiet_seconds)});
  co_return std::unique_ptr<Remote>(std::make_unique<PlainRemote>(std::move(stream), std::move(text)));
}

}  // namespace dbgate::cli
