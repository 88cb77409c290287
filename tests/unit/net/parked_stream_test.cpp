#include "gateway/net/parked_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

namespace dbgate::net {
namespace {

class ParkedStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    near.emplace(*context, ends[0]);
    far = ends[1];
  }
  void TearDown() override { hang_up(); }
  void hang_up() {
    if (far >= 0) ::close(far);
    far = -1;
  }
  void say(const std::string& bytes) const {
    ASSERT_EQ(::send(far, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// Parks the stream; once woken it is `near` again.
  ParkedStream& park() {
    auto owned = std::make_unique<ParkedStream>(std::move(*near));
    near.reset();
    ParkedStream& parked = *owned;
    parked.when_readable([owned = std::make_unique<Parked>(Parked{*this, std::move(owned)})] { owned->woken(); });
    return parked;
  }
  /// Turns of the loop, as many as there is anything to do.
  void run() {
    context->restart();
    context->poll();
  }
  std::string read() {
    std::array<std::byte, 100> room{};
    const IoResult got = near->try_read(room);
    if (got.status == IoStatus::end) return "the end";
    return got.status == IoStatus::ok ? std::string(reinterpret_cast<const char*>(room.data()), got.bytes) : "nothing";
  }

  struct Parked {
    ParkedStreamTest& test;
    std::unique_ptr<ParkedStream> stream;
    void woken() {
      ++test.wakes;
      test.near.emplace(stream->unpark());
    }
  };
  std::unique_ptr<boost::asio::io_context> context = std::make_unique<boost::asio::io_context>(1);
  std::optional<Stream> near;
  int far = -1;
  int wakes = 0;
};

TEST_F(ParkedStreamTest, SleepsUntilSomethingComes) {
  park();
  run();
  EXPECT_EQ(wakes, 0);
  say("hello");
  run();
  ASSERT_EQ(wakes, 1);
  EXPECT_EQ(read(), "hello");
  EXPECT_EQ(read(), "nothing");
}

TEST_F(ParkedStreamTest, WhatCameBeforeItWasParkedWakesIt) {
  say("early");
  park();
  run();
  ASSERT_EQ(wakes, 1);
  EXPECT_EQ(read(), "early");
}

TEST_F(ParkedStreamTest, APeerThatGoesWakesIt) {
  park();
  run();
  hang_up();
  run();
  ASSERT_EQ(wakes, 1);
  EXPECT_EQ(read(), "the end");
}

TEST_F(ParkedStreamTest, APeerThatIsGoneWakesIt) {
  hang_up();
  park();
  run();
  ASSERT_EQ(wakes, 1);
  EXPECT_EQ(read(), "the end");
}

TEST_F(ParkedStreamTest, IsWokenOnceAndNotFromWithin) {
  ParkedStream& parked = park();
  parked.wake();
  EXPECT_EQ(wakes, 0);
  parked.wake();
  say("too");
  run();
  ASSERT_EQ(wakes, 1);
  EXPECT_EQ(read(), "too");
}

TEST_F(ParkedStreamTest, SleepsAgainAndAgain) {
  for (int time = 1; time <= 3; ++time) {
    park();
    run();
    EXPECT_EQ(wakes, time - 1);
    say("again");
    run();
    ASSERT_EQ(wakes, time);
    EXPECT_EQ(read(), "again");
  }
}

TEST_F(ParkedStreamTest, IsClosedWithTheLoop) {
  park();
  run();
  context.reset();
  EXPECT_EQ(wakes, 0);
  char byte = 0;
  EXPECT_EQ(::recv(far, &byte, 1, MSG_DONTWAIT), 0) << "the other end sees it closed";
}

}  // namespace
}  // namespace dbgate::net
