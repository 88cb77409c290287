// pgbench's SELECT at the least cost to the client: statements go out in batches, and of what comes back only the heads
// of messages are looked at. So a proxy in between has nearly all of the CPU.
//
// Usage: bench_load PORT DATABASE USER CLIENTS BATCH SECONDS WORK     (127.0.0.1; the password is in PGPASSWORD)
// WORK: simple, extended, fresh: simple queries, each of which nobody has seen before; transfer: the statements of
// pgbench -N one after the other, each counted by itself. Prints a line when all have signed in, and then what pgbench
// prints: transactions, latency of a batch, transactions per second; and its own CPU time since that line.
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t accounts = 100'000;

[[noreturn]] void fail(std::string_view what) {
  std::fprintf(stderr, "bench_load: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

void add_message(std::string& out, char type, std::string_view body) {
  const std::uint32_t length = htonl(static_cast<std::uint32_t>(body.size() + 4));
  out += type;
  out.append(reinterpret_cast<const char*>(&length), sizeof length).append(body);
}

/// Where a connection stands in the bytes that it receives.
struct Client {
  int socket = -1;
  std::size_t skip = 0;  // left of a body that need not be seen
  std::string head;      // begun, less than five bytes
  int owed = 0;          // ReadyForQuery messages
  int step = 0;          // of a transfer
  Clock::time_point sent;
};

class Load {
 public:
  Load(int batch, std::string_view work)
      : batch_(batch), extended_(work == "extended"), fresh_(work == "fresh"), transfer_(work == "transfer") {}

  void log_in(const std::string& parameters, int clients);
  void run(std::chrono::seconds window);

 private:
  void send(Client& client);
  void add_statement(Client& client, std::string& out);
  std::string text(Client& client, const std::string& key);
  bool receive(Client& client);
  void walk(Client& client, std::string_view bytes);

  const int batch_;
  const bool extended_, fresh_, transfer_;
  std::vector<Client> clients_;
  std::vector<pollfd> polled_;
  std::mt19937_64 random_{std::random_device{}()};
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  std::uint64_t done_ = 0;
  Clock::duration waited_{};
};

void Load::log_in(const std::string& parameters, int clients) {
  for (int i = 0; i < clients; ++i) {
    // libpq signs in; its connection stays open to the end of the process, and its socket is used without it.
    PGconn* const connection = PQconnectdb(parameters.c_str());
    if (PQstatus(connection) != CONNECTION_OK) fail(PQerrorMessage(connection));
    PQsetnonblocking(connection, 0);
    clients_.emplace_back().socket = PQsocket(connection);
    polled_.push_back({PQsocket(connection), POLLIN, 0});
  }
}

std::string Load::text(Client& client, const std::string& key) {
  switch (transfer_ ? client.step++ % 5 : 2) {
    case 0:
      return "BEGIN;";
    case 1:
      return "UPDATE pgbench_accounts SET abalance = abalance + -123 WHERE aid = " + key + ";";
    case 2:
      break;
    case 3:
      return "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (7, 3, " + key +
             ", -123, CURRENT_TIMESTAMP);";
    default:
      return "END;";
  }
  std::string sql = "SELECT abalance";
  if (fresh_) sql += " AS n" + std::to_string(random_());
  return sql + " FROM pgbench_accounts WHERE aid = " + (extended_ ? "$1" : key) + ";";
}

void Load::add_statement(Client& client, std::string& out) {
  const std::string key = std::to_string(1 + random_() % accounts);
  std::string sql = text(client, key) + '\0';
  if (!extended_) {
    add_message(out, 'Q', sql);
    return;
  }
  using namespace std::string_view_literals;
  add_message(out, 'P', std::string(1, '\0').append(sql).append("\0\0"sv));
  const std::uint32_t length = htonl(static_cast<std::uint32_t>(key.size()));
  std::string values("\0\0\0\0\0\1"sv);
  values.append(reinterpret_cast<const char*>(&length), sizeof length).append(key).append("\0\0"sv);
  add_message(out, 'B', values);
  add_message(out, 'D', "P\0"sv);
  add_message(out, 'E', "\0\0\0\0\0"sv);
}

void Load::send(Client& client) {
  std::string out;
  for (int i = 0; i < batch_; ++i)
    add_statement(client, out);
  if (extended_) add_message(out, 'S', "");
  client.owed = extended_ ? 1 : batch_;
  client.sent = Clock::now();
  for (std::string_view left = out; !left.empty();) {
    const ssize_t sent = ::send(client.socket, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent > 0) left.remove_prefix(static_cast<std::size_t>(sent));
    pollfd ready{client.socket, POLLOUT, 0};
    if (sent <= 0 && ::poll(&ready, 1, 10'000) <= 0) fail("the proxy takes nothing");
  }
}

void Load::walk(Client& client, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t skipped = std::min(client.skip, bytes.size());
    client.skip -= skipped;
    bytes.remove_prefix(skipped);
    while (!bytes.empty() && client.head.size() < 5) {
      client.head += bytes.front();
      bytes.remove_prefix(1);
    }
    if (client.head.size() < 5) return;
    std::uint32_t length = 0;
    std::memcpy(&length, client.head.data() + 1, sizeof length);
    client.skip = ntohl(length) - 4;
    const char type = client.head.front();
    client.head.clear();
    if (type == 'E') {
      std::string fields(bytes.substr(0, client.skip));
      std::replace(fields.begin(), fields.end(), '\0', ' ');
      fail("an error came back: " + fields);
    }
    if (type == 'Z') --client.owed;
  }
}

/// True: all answers to the batch have come.
bool Load::receive(Client& client) {
  const ssize_t got = ::recv(client.socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) fail("the connection was closed");
  walk(client, {buffer_.data(), static_cast<std::size_t>(got)});
  if (client.owed > 0) return false;
  done_ += static_cast<std::uint64_t>(batch_);
  waited_ += Clock::now() - client.sent;
  return true;
}

void Load::run(std::chrono::seconds window) {
  std::puts("signed in");
  std::fflush(stdout);
  const std::clock_t used = std::clock();
  const auto began = Clock::now(), end = began + window;
  for (Client& client : clients_)
    send(client);
  std::size_t open = clients_.size();
  while (open > 0) {
    if (::poll(polled_.data(), polled_.size(), 20'000) <= 0) fail("nothing came back for 20 s");
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (polled_[i].revents == 0 || !receive(clients_[i])) continue;
      if (Clock::now() < end) {
        send(clients_[i]);
      } else {
        polled_[i].fd = -1;
        --open;
      }
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  const double batches = static_cast<double>(done_) / batch_;
  std::printf(
      "number of transactions actually processed: %llu\nlatency average = %.3f ms\ntps = %.1f\n"
      "cpu = %.6f\n",
      static_cast<unsigned long long>(done_), std::chrono::duration<double, std::milli>(waited_).count() / batches,
      static_cast<double>(done_) / seconds, static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 8) {
    std::fprintf(stderr, "usage: bench_load PORT DATABASE USER CLIENTS BATCH SECONDS simple|extended|fresh|transfer\n");
    return 2;
  }
  Load load(std::atoi(arguments[5]), arguments[7]);
  load.log_in(std::string("host=127.0.0.1 sslmode=disable gssencmode=disable port=") + arguments[1] +
                  " dbname=" + arguments[2] + " user=" + arguments[3],
              std::atoi(arguments[4]));
  load.run(std::chrono::seconds(std::atoi(arguments[6])));
}
