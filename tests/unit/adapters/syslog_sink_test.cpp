#include "gateway/adapters/syslog_sink.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace dbgate::adapters {
namespace {

/// Listens on this machine; the test itself accepts and reads.
class Receiver {
 public:
  /// @param listening  false: whoever connects is refused
  explicit Receiver(bool listening = true) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    if (listening) EXPECT_EQ(::listen(listener_, 8), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  ~Receiver() {
    hang_up();
    ::close(listener_);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  const std::string& port() const { return port_; }
  void accept() { connection_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); }
  /// So many bytes, or what there is until the other side ends.
  std::string read(std::size_t bytes) {
    std::string text(bytes, '\0');
    const ssize_t n = ::recv(connection_, text.data(), bytes, MSG_WAITALL);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
  void hang_up() {
    if (connection_ >= 0) ::close(connection_);
    connection_ = -1;
  }

 private:
  int listener_ = -1;
  int connection_ = -1;
  std::string port_;
};

std::unique_ptr<ports::AuditSink> sink_to(const Receiver& receiver, int timeout_ms = 60'000, bool tls = false) {
  return make_syslog_sink({"127.0.0.1", receiver.port(), tls, {}, std::chrono::milliseconds(timeout_ms)},
                          [](std::string& out, const ports::SinkRecord& record) { out.append(record.line) += ';'; });
}

ports::Delivery send(ports::AuditSink& sink, const std::string& line) {
  const ports::SinkRecord record{"w0", 1, line};
  return sink.send(std::span(&record, 1), {});
}

// The system acknowledges what nobody has read yet.
TEST(SyslogSink, DeliversAndSaysGoodBye) {
  Receiver receiver;
  auto sink = sink_to(receiver);
  EXPECT_EQ(send(*sink, "one").delivered, 1u);
  EXPECT_EQ(send(*sink, "two").delivered, 1u);
  EXPECT_TRUE(sink->settle({}));
  receiver.accept();
  EXPECT_EQ(receiver.read(8), "one;two;");
  receiver.hang_up();
}

TEST(SyslogSink, WhatWasPerhapsNotReadComesAgain) {
  Receiver receiver;
  auto sink = sink_to(receiver);
  EXPECT_EQ(send(*sink, "one").delivered, 1u);
  receiver.accept();
  receiver.hang_up();  // with it unread
  // The news of that may take a moment.
  std::size_t delivered = 0;
  while (delivered == 0)
    delivered = send(*sink, "two").delivered;
  receiver.accept();
  EXPECT_EQ(receiver.read(8), "one;two;");
  receiver.hang_up();  // or it would be waited for
}

TEST(SyslogSink, NoticesWhileThereIsNothingToSend) {
  Receiver receiver;
  auto sink = sink_to(receiver);
  EXPECT_EQ(send(*sink, "one").delivered, 1u);
  receiver.accept();
  receiver.hang_up();
  EXPECT_TRUE(sink->settle({}));
  receiver.accept();
  EXPECT_EQ(receiver.read(4), "one;");
  receiver.hang_up();
}

TEST(SyslogSink, DoesNotWaitForEver) {
  Receiver receiver;
  auto sink = sink_to(receiver, 200);
  const ports::Delivery stuck = send(*sink, std::string(32u << 20, 'x'));  // more than buffers have room for
  EXPECT_EQ(stuck.delivered, 0u);
  EXPECT_EQ(stuck.why, "127.0.0.1: it does not take records in time");
}

TEST(SyslogSink, StopsWhenItIsTold) {
  Receiver receiver;
  auto sink = sink_to(receiver);
  std::stop_source stop;
  stop.request_stop();
  const std::string line(32u << 20, 'x');
  const ports::SinkRecord record{"w0", 1, line};
  EXPECT_EQ(sink->send(std::span(&record, 1), stop.get_token()).delivered, 0u);
}

TEST(SyslogSink, NobodyThere) {
  const Receiver receiver(false);
  auto sink = sink_to(receiver);
  EXPECT_EQ(send(*sink, "one").why, "127.0.0.1: no connection");
}

TEST(SyslogSink, WhereTlsIsWanted) {
  Receiver receiver;
  auto sink = sink_to(receiver, 200, true);
  EXPECT_EQ(send(*sink, "one").why, "127.0.0.1: it does not answer in time");
}

}  // namespace
}  // namespace dbgate::adapters
