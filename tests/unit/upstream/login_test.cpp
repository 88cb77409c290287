#include "gateway/upstream/login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/startup_packets.h"

namespace dbgate::upstream {
namespace {

using namespace std::string_literals;
using protocol::as_bytes;
using protocol::encoded;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
namespace backend = protocol::backend;

struct Login {
  std::optional<Result<>> result;
  std::string asked;  ///< what the server was sent
  StartupParameters status;
  std::int32_t pid = 0;
  std::string cancel_key;
  std::string code() const { return *result ? "00000" : std::string(result->error().code().text()); }
  std::string message() const { return *result ? "" : result->error().message(); }
};

/// Logs in at a server that says `bytes`, whatever it is asked, and then no more.
Login log_in_at(const std::string& bytes) {
  Login login;
  int ends[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  EXPECT_EQ(::send(ends[1], bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  ::shutdown(ends[1], SHUT_WR);
  ServerSpec spec;
  spec.user = "app";
  spec.database = "shop";
  spec.allow_no_password = true;
  const StartupParameters parameters{{"client_encoding", "UTF8"}};
  {
    boost::asio::io_context context;
    Connection connection{net::Stream(context, ends[0]), {}, {}, 0, {}, {}, {}, {}, 0, {}};
    boost::asio::co_spawn(context, log_in(connection, spec, parameters),
                          [&login](const std::exception_ptr& failed, Result<> result) {
                            EXPECT_FALSE(failed);
                            login.result = std::move(result);
                          });
    context.run();
    login.status = connection.status;
    login.pid = connection.pid;
    login.cancel_key = connection.cancel_key;
  }
  char buffer[256];
  for (ssize_t got = 0; (got = ::recv(ends[1], buffer, sizeof buffer, 0)) > 0;)
    login.asked.append(buffer, static_cast<std::size_t>(got));
  ::close(ends[1]);
  EXPECT_TRUE(login.result);
  return login;
}

std::string error(std::string_view code, std::string_view text) {
  const backend::ErrorField fields[] = {{'S', "FATAL"}, {'C', code}, {'M', text}};
  std::string storage;
  return encoded(backend::ErrorResponse{backend::ErrorFields::lay_out(fields, storage)});
}

std::string key(const std::string& bytes) {
  return encoded(backend::BackendKeyData{4711, as_bytes(bytes)});
}

std::string negotiation(std::span<const std::string_view> options) {
  std::string storage;
  backend::NegotiateProtocolVersion message;
  message.unknown_options = protocol::Repeated<std::string_view>::lay_out(options, storage);
  return encoded(message);
}

const std::string ok = encoded(backend::AuthenticationOk());
const std::string ready = encoded(backend::ReadyForQuery());

TEST(LogIn, UpToTheFirstReadyForQuery) {
  const std::string status = encoded(backend::ParameterStatus{"TimeZone", "UTC"});
  const Login login = log_in_at(ok + status + key("key!") + encoded(backend::NoticeResponse{}) + ready);
  EXPECT_EQ(login.message(), "");
  EXPECT_EQ(login.pid, 4711);
  EXPECT_EQ(login.cancel_key, "key!");
  EXPECT_THAT(login.status, ElementsAre(Pair("TimeZone", "UTC")));
  const std::string startup = "\0\0\0\x35\0\3\0\0user\0app\0database\0shop\0client_encoding\0UTF8\0\0"s;
  EXPECT_EQ(login.asked, startup);
}

TEST(LogIn, CancelKeysOfUpTo256Bytes) {
  for (const std::size_t size : {4u, 32u, 256u})
    EXPECT_EQ(log_in_at(ok + key(std::string(size, 'k')) + ready).cancel_key.size(), size);
  for (const std::size_t size : {0u, 3u, 257u, 10'000u}) {
    const Login login = log_in_at(ok + key(std::string(size, 'k')) + ready);
    EXPECT_EQ(login.code(), "08006") << size;
    EXPECT_THAT(login.cancel_key, IsEmpty());
  }
}

TEST(LogIn, NegotiationOfNothing) {
  EXPECT_EQ(log_in_at(negotiation({}) + ok + ready).code(), "00000");
  EXPECT_EQ(log_in_at(ok + negotiation({}) + ready).code(), "00000");
  const std::string_view option[] = {"_pq_.never_asked_for"};
  for (const std::string& bad : {negotiation(option), "v\0\0\0\4"s, "v\0\0\0\x0c\0\3\0\0\0\0\0\1"s,
                                 "v\0\0\0\x0c\0\3\0\0\xff\xff\xff\xff"s, "v\0\0\0\x0d\0\3\0\0\0\0\0\0x"s}) {
    EXPECT_EQ(log_in_at(bad + ok + ready).code(), "08006");
    EXPECT_EQ(log_in_at(ok + bad + ready).code(), "08006");
  }
}

TEST(LogIn, TheServersWordsCountOnceItHasLetUsIn) {
  const Login before = log_in_at(error("28000", "no entry"));
  EXPECT_EQ(before.code(), "08006");
  EXPECT_THAT(before.message(), testing::Not(HasSubstr("no entry")));
  const Login after = log_in_at(ok + error("53300", "too many"));
  EXPECT_EQ(after.code(), "53300");
  EXPECT_EQ(after.message(), "too many");
  EXPECT_EQ(log_in_at(ok + "E\0\0\0\x08SFAT"s).code(), "08006");
}

TEST(LogIn, WhatIsWorthTryingAgainIsToldInOtherWords) {
  for (const char* const code : {"53300", "57P03"}) {
    const Login before = log_in_at(error(code, "its own words"));
    EXPECT_EQ(before.code(), code);
    EXPECT_THAT(before.message(), testing::Not(HasSubstr("its own words")));
    EXPECT_THAT(before.message(), HasSubstr("the database server"));
  }
}

TEST(LogIn, RefusesWhatIsMalformedOrOutOfPlace) {
  for (const std::string& bad : {"R\0\0\0\4"s, "R\0\0\0\x09\0\0\0\0x"s, "R\0\0\0\x09\0\0\0\x05xxx"s,
                                 "R\0\0\0\x08\0\0\0\x0a"s, "R\0\0\0\x08\0\0\0\x0b"s, "R\0\0\0\x08\0\0\0\x0c"s,
                                 "R\0\0\0\x08\0\0\0\x63"s, "Z\0\0\0\5I"s, "x\0\0\0\4"s, "R\0\0\0\3"s, "N\0\1\0\0"s})
    EXPECT_EQ(log_in_at(bad + ok + ready).code(), "08006") << bad;
  for (const std::string& bad : {"S\0\0\0\x06x\0"s, "S\0\0\0\x09x\0y\0z"s, "K\0\0\0\6\0\0"s, "Z\0\0\0\4"s,
                                 "Z\0\0\0\6II"s, "Z\0\0\0\5x"s, "D\0\0\0\6\0\0"s, "R\0\0\0\x08\0\0\0\0"s, ""s})
    EXPECT_EQ(log_in_at(ok + bad).code(), "08006") << bad;
}

}  // namespace
}  // namespace dbgate::upstream
