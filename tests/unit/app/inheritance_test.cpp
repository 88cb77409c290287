#include "gateway/app/inheritance.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <string>

namespace dbgate::app {
namespace {

class InheritanceTest : public testing::Test {
 protected:
  InheritanceTest() {
    EXPECT_TRUE(listener_.open({"127.0.0.1", 0, {}}));
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair_), 0);
  }
  ~InheritanceTest() override {
    for (const char* name : {"DBGATE_HANDOVER", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
      ::unsetenv(name);
  }
  // As another process would find it: the descriptors are its own.
  static void set(const std::string& variable) {
    const std::size_t equals = variable.find('=');
    ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
  }
  Inheritance::Succession succession() const {
    Inheritance::Succession said;
    said.link = pair_[0];
    said.lock = pair_[1];
    said.generations = {0, 2};
    said.older = 2;
    return said;
  }
  int socket() { return ::dup(listener_.descriptor()); }
  net::ListenAddress at(std::uint16_t port) const { return {"127.0.0.1", port, {}}; }

  boost::asio::io_context context_;
  net::Listener listener_{context_};
  int pair_[2] = {-1, -1};
};

TEST_F(InheritanceTest, NothingIsLeftWithoutAWord) {
  auto taken = Inheritance::take();
  ASSERT_TRUE(taken);
  EXPECT_FALSE(taken->handed_over());
  EXPECT_EQ(taken->take_socket("pg", at(listener_.port())), -1);
  EXPECT_EQ(taken->free_generation(), 0u);
}

TEST_F(InheritanceTest, WhatOneProcessSaysTheNextOneReads) {
  const int left = socket();
  set(Inheritance::environment(succession(), {{"pg", left}, {"target/shop", socket()}}));
  auto taken = Inheritance::take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(std::getenv("DBGATE_HANDOVER"), nullptr) << "not for what this process starts";
  EXPECT_TRUE(taken->handed_over());
  EXPECT_EQ(taken->free_generation(), 1u);
  EXPECT_EQ(taken->succession().older, 2u);
  EXPECT_EQ(taken->take_socket("pg", at(1)), -1) << "the configuration says another port by now";
  EXPECT_EQ(taken->take_socket("pg", {"::1", listener_.port(), {}}), -1);
  EXPECT_EQ(taken->take_socket("pg", {{}, 0, "/run/dbgate/.s.PGSQL.6432"}), -1);
  EXPECT_EQ(taken->take_socket("pg", at(listener_.port())), left);
  EXPECT_EQ(taken->take_socket("pg", at(listener_.port())), -1) << "once";
  ::close(left);
  EXPECT_EQ(::close(taken->take_link()), 0);
  EXPECT_EQ(::close(taken->take_lock()), 0);
}

TEST_F(InheritanceTest, WhatIsNotTakenIsClosed) {
  const int left = socket();
  set(Inheritance::environment(succession(), {{"pg", left}}));
  { const auto taken = Inheritance::take(); }
  EXPECT_EQ(::close(left), -1);
  EXPECT_EQ(::close(pair_[0]), -1);
}

TEST_F(InheritanceTest, VariablesThatNoProcessOfThisKindHasSet) {
  for (const char* text :
       {"{", "1", "{}", R"({"link":"a"})", R"({"link":900,"lock":901,"older":1,"generations":[],"sockets":{}})",
        R"({"link":-1,"lock":-1,"older":1,"generations":[-1],"sockets":{}})"}) {
    set(std::string("DBGATE_HANDOVER=") + text);
    const auto taken = Inheritance::take();
    ASSERT_FALSE(taken) << text;
    EXPECT_NE(taken.error().message().find("DBGATE_HANDOVER"), std::string::npos);
  }
}

TEST_F(InheritanceTest, SocketsOfSystemdAreForTheProcessThatTheyAreMeantFor) {
  set("LISTEN_PID=1");
  set("LISTEN_FDS=1");
  set("LISTEN_FDNAMES=pg");
  EXPECT_TRUE(Inheritance::take());
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
}

}  // namespace
}  // namespace dbgate::app
