#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/net/stream.h"
#include "tests/unit/net/pair.h"

namespace dbgate::net {
namespace {

IoResult soon(Stream& stream, const std::string& message) {
  const iovec piece{const_cast<char*>(message.data()), message.size()};
  return stream.write_soon({&piece, 1});
}

/// @return what went in
std::string fill(Stream& stream) {
  const std::string block(64 * 1024, 'x');
  const iovec piece{const_cast<char*>(block.data()), block.size()};
  std::string all;
  for (;;) {
    const IoResult moved = stream.try_write({&piece, 1});
    if (moved.status != IoStatus::ok) return all;
    all.append(moved.bytes, 'x');
  }
}

class SendBatchTest : public ::testing::Test {
 protected:
  /// Runs it within a round of the reactor, which is where sends are gathered, until it and what it began is over.
  void in_round(std::function<Task<>()> task) {
    Pair other(context_);
    boost::asio::co_spawn(
        context_,
        [&]() -> Task<> {
          co_await other.near->wait_readable();  // nothing is known of it: ends in the next round
          co_await task();
        },
        [this](const std::exception_ptr& failure) {
          EXPECT_FALSE(failure);
          over_ = true;
        });
    context_.run();
    EXPECT_TRUE(over_);
  }
  /// The next round begins after this: what was gathered has been sent.
  static Wait next_round(Stream& stream) { return stream.wait_readable(); }

  boost::asio::io_context context_{1};
  bool over_ = false;
};

TEST_F(SendBatchTest, ManyStreamsSendAtTheEndOfTheRound) {
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < 100; ++i)  // more than one batch
    pairs.push_back(std::make_unique<Pair>(context_));
  in_round([&]() -> Task<> {
    for (std::size_t i = 0; i < pairs.size(); ++i)
      EXPECT_EQ(soon(*pairs[i]->near, "message " + std::to_string(i)).bytes, 8 + std::to_string(i).size());
    EXPECT_EQ(pairs.back()->heard(), "") << "nothing is gathered on this machine";
    co_await next_round(*pairs[0]->near);
    for (std::size_t i = 0; i < pairs.size(); ++i)
      EXPECT_EQ(pairs[i]->heard(), "message " + std::to_string(i));
  });
}

TEST_F(SendBatchTest, OneStreamKeepsTheOrderOfWhatItSends) {
  Pair pair(context_), beside(context_);
  in_round([&]() -> Task<> {
    soon(*beside.near, "beside");
    soon(*pair.near, "a");
    soon(*pair.near, "b");
    const std::string third = "c";
    const iovec piece{const_cast<char*>(third.data()), third.size()};
    EXPECT_EQ(pair.near->try_write({&piece, 1}).bytes, 1u);
    soon(*pair.near, "d");
    co_await next_round(*pair.near);
    EXPECT_EQ(pair.heard(), "abcd");
    EXPECT_EQ(beside.heard(), "beside");
  });
}

TEST_F(SendBatchTest, SeveralPiecesAreOneMessage) {
  Pair pair(context_);
  in_round([&]() -> Task<> {
    std::string first = "one ", second = "two";
    const std::array<iovec, 2> pieces{iovec{first.data(), first.size()}, iovec{second.data(), second.size()}};
    EXPECT_EQ(pair.near->write_soon(pieces).bytes, 7u);
    first = second = "gone";
    co_await next_round(*pair.near);
    EXPECT_EQ(pair.heard(), "one two");
  });
}

TEST_F(SendBatchTest, WhatDoesNotFitFollowsWhenThereIsRoom) {
  Pair pair(context_), beside(context_);
  in_round([&]() -> Task<> {
    std::string expected = fill(*pair.near);
    std::array<char, 1000> some;
    EXPECT_EQ(::recv(pair.far, some.data(), some.size(), MSG_DONTWAIT), 1000);
    expected.erase(0, some.size());
    const std::string message(4000, 'm');
    EXPECT_EQ(soon(*pair.near, message).bytes, message.size());
    soon(*beside.near, "goes through");
    co_await next_round(*beside.near);
    EXPECT_EQ(beside.heard(), "goes through");
    // Nothing may overtake it.
    EXPECT_EQ(soon(*pair.near, "late").status, IoStatus::want_write);
    std::string heard = pair.heard();
    co_await pair.near->wait_writable();
    heard += pair.heard();
    EXPECT_EQ(heard, expected + message);
    EXPECT_EQ(soon(*pair.near, "late").bytes, 4u);
    co_await next_round(*pair.near);
    EXPECT_EQ(pair.heard(), "late");
  });
}

TEST_F(SendBatchTest, ThePeerThatIsGoneIsAFailureOfTheNextAttempt) {
  Pair pair(context_), beside(context_);
  in_round([&]() -> Task<> {
    pair.hang_up();
    soon(*pair.near, "to nobody");
    soon(*beside.near, "to somebody");
    co_await next_round(*beside.near);
    EXPECT_EQ(beside.heard(), "to somebody");
    EXPECT_EQ(soon(*pair.near, "again").status, IoStatus::failed);
  });
}

TEST_F(SendBatchTest, WhatWasGatheredLeavesBeforeTheEnd) {
  Pair closed(context_), shut(context_), finished(context_), moved(context_), destroyed(context_);
  in_round([&]() -> Task<> {
    for (const Pair* pair : {&closed, &shut, &finished, &moved, &destroyed})
      soon(*pair->near, "farewell");
    closed.near->close();
    shut.near->shutdown();
    finished.near->finish_writing();
    const Stream elsewhere = moved.near->move_to(context_.get_executor());
    destroyed.near.reset();
    for (const Pair* pair : {&closed, &shut, &finished, &moved, &destroyed})
      EXPECT_EQ(pair->heard(), "farewell");
    co_return;
  });
}

TEST_F(SendBatchTest, TheRestIsWaitedForBeforeTheStreamEnds) {
  Pair pair(context_);
  in_round([&]() -> Task<> {
    std::string expected = fill(*pair.near);
    soon(*pair.near, "the last words");
    co_await next_round(*pair.near);
    std::string heard;
    boost::asio::co_spawn(
        context_, [&]() -> Task<> { co_await pair.near->linger(std::chrono::seconds(10)); },
        [](const std::exception_ptr&) {});
    while (pair.near->is_open()) {
      Pair pause(context_);
      co_await pause.near->wait_readable();
      heard += pair.heard();
      if (heard.ends_with("words")) pair.hang_up();
      if (pair.far < 0) break;
    }
    EXPECT_EQ(heard, expected + "the last words");
  });
}

TEST_F(SendBatchTest, OutsideOfARoundASendIsASend) {
  Pair pair(context_);
  EXPECT_EQ(soon(*pair.near, "now").bytes, 3u);
  EXPECT_EQ(pair.heard(), "now");
}

TEST_F(SendBatchTest, ALongMessageIsNotKept) {
  Pair pair(context_);
  in_round([&]() -> Task<> {
    const std::string message(20'000, 'm');
    EXPECT_EQ(soon(*pair.near, message).bytes, message.size());
    EXPECT_EQ(pair.heard(), message);
    co_return;
  });
}

// As under a seccomp profile that forbids io_uring: here it is the descriptor for the ring that is missing.
TEST_F(SendBatchTest, WithoutARingEverySendIsACall) {
  Pair pair(context_), beside(context_);
  in_round([&]() -> Task<> {
    rlimit usual{};
    ::getrlimit(RLIMIT_NOFILE, &usual);
    const rlimit none{0, usual.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    soon(*pair.near, "at once");
    ::setrlimit(RLIMIT_NOFILE, &usual);
    EXPECT_EQ(pair.heard(), "at once");
    soon(*beside.near, "and again");
    EXPECT_EQ(beside.heard(), "and again");
    co_return;
  });
}

}  // namespace
}  // namespace dbgate::net
