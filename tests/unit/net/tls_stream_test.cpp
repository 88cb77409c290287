#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "gateway/net/stream.h"
#include "gateway/net/tls.h"

namespace dbgate::net {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, CloseFile>;

/// A certificate that signs itself, as files.
class Certificate {
 public:
  Certificate() {
    const std::unique_ptr<EVP_PKEY, FreeKey> key(EVP_EC_gen("P-256"));
    const std::unique_ptr<X509, FreeCertificate> certificate(X509_new());
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    std::string pattern = std::filesystem::temp_directory_path() / "dbgate-tls-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    options_ = {pattern + "/cert.pem", pattern + "/key.pem", {}, {}};
    PEM_write_X509(FilePtr(std::fopen(options_.cert_file.c_str(), "w")).get(), certificate.get());
    PEM_write_PrivateKey(FilePtr(std::fopen(options_.key_file.c_str(), "w")).get(), key.get(), nullptr, nullptr, 0,
                         nullptr, nullptr);
  }
  ~Certificate() { std::filesystem::remove_all(directory_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  const TlsServerOptions& options() const { return options_; }

 private:
  std::filesystem::path directory_;
  TlsServerOptions options_;
};

IoResult soon(Stream& stream, const std::string& message) {
  const iovec piece{const_cast<char*>(message.data()), message.size()};
  return stream.write_soon({&piece, 1});
}

std::string at_once(Stream& stream, std::size_t room) {
  std::string into(room, '\0');
  const IoResult got = stream.try_read({reinterpret_cast<std::byte*>(into.data()), into.size()});
  if (got.status == IoStatus::end) return "end";
  if (got.status != IoStatus::ok) return "";
  into.resize(got.bytes);
  return into;
}

/// Both ends of one TLS connection, in one thread.
class TlsStreamTest : public ::testing::Test {
 protected:
  TlsStreamTest() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    server_ = std::make_unique<Stream>(context_, ends[0]);
    client_ = std::make_unique<Stream>(context_, ends[1]);
  }
  void run(std::function<Task<>()> task) {
    auto serves = make_server_context(certificate_.options());
    auto asks =
        make_client_context({.verify = TlsVerify::none, .ca_file = {}, .cert_file = {}, .key_file = {}, .alpn = {}});
    ASSERT_TRUE(serves);
    ASSERT_TRUE(asks);
    bool over = false;
    boost::asio::co_spawn(
        context_,
        [&]() -> Task<> {
          EXPECT_TRUE(co_await client_->connect_tls(asks->get(), "localhost", false));
          const std::string hello = "hello";
          co_await client_->write_all(std::as_bytes(std::span(hello)));
        },
        [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    boost::asio::co_spawn(
        context_,
        [&]() -> Task<> {
          EXPECT_TRUE(co_await server_->accept_tls(serves->get()));
          EXPECT_EQ(*co_await server_->read_exactly(5), "hello");
          co_await task();
          over = true;
        },
        [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    context_.run();
    EXPECT_TRUE(over);
  }
  /// What was gathered has been sent when this ends.
  Task<> next_round() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    Stream near(context_, ends[0]);
    const Stream far(context_, ends[1]);
    co_await near.wait_readable();
  }

  Certificate certificate_;
  boost::asio::io_context context_{1};
  std::unique_ptr<Stream> server_, client_;
};

TEST_F(TlsStreamTest, ARecordLeavesAtTheEndOfTheRound) {
  run([&]() -> Task<> {
    co_await next_round();
    EXPECT_EQ(soon(*server_, "gathered").bytes, 8u);
    EXPECT_EQ(at_once(*client_, 100), "");
    co_await next_round();
    EXPECT_EQ(at_once(*client_, 100), "gathered");
  });
}

TEST_F(TlsStreamTest, RecordsKeepTheirOrderAndTheEndComesLast) {
  run([&]() -> Task<> {
    co_await next_round();
    soon(*server_, "a");
    soon(*server_, "b");
    soon(*server_, std::string(10'000, 'c'));
    soon(*server_, "d");
    server_->close();
    std::string all;
    for (std::string part; part != "end"; part = at_once(*client_, 64 * 1024))
      all += part;
    EXPECT_EQ(all, "ab" + std::string(10'000, 'c') + "d");
  });
}

TEST_F(TlsStreamTest, AReadSaysWhetherThereIsMore) {
  run([&]() -> Task<> {
    soon(*server_, "whole");
    co_await next_round();
    std::array<std::byte, 100> room;
    IoResult got = client_->try_read(room);
    EXPECT_EQ(got.bytes, 5u);
    EXPECT_TRUE(got.drained);
    soon(*server_, "one");
    soon(*server_, "two");
    co_await next_round();
    got = client_->try_read(room);
    EXPECT_EQ(got.bytes, 3u);
    EXPECT_FALSE(got.drained) << "the second record is in OpenSSL's buffer: no event will tell of it";
    EXPECT_EQ(at_once(*client_, 100), "two");
    soon(*server_, "long");
    co_await next_round();
    got = client_->try_read(std::span(room).first(2));
    EXPECT_FALSE(got.drained);
    EXPECT_EQ(at_once(*client_, 100), "ng");
  });
}

TEST_F(TlsStreamTest, GoesOnAsAnotherThreadsStream) {
  run([&]() -> Task<> {
    co_await next_round();
    soon(*server_, "before ");
    Stream moved = server_->move_to(context_.get_executor());
    soon(moved, "after");
    co_await next_round();
    EXPECT_EQ(at_once(*client_, 100) + at_once(*client_, 100), "before after");
    const std::string answer = "answer";
    co_await client_->write_all(std::as_bytes(std::span(answer)));
    EXPECT_EQ(at_once(moved, 100), "answer");
  });
}

TEST_F(TlsStreamTest, ThePeerThatIsGoneIsAFailure) {
  run([&]() -> Task<> {
    client_->shutdown();
    client_.reset();
    co_await next_round();
    soon(*server_, "to nobody");
    co_await next_round();
    EXPECT_EQ(soon(*server_, "again").status, IoStatus::failed);
  });
}

}  // namespace
}  // namespace dbgate::net
