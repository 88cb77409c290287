#include "gateway/net/reactor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/net/race.h"
#include "gateway/net/stream.h"
#include "tests/unit/net/pair.h"

namespace dbgate::net {
namespace {

/// With and without lingering.
class ReactorTest : public ::testing::TestWithParam<bool> {
 protected:
  ReactorTest() {
    if (GetParam()) Reactor::of(context_).linger();
  }
  void start(std::function<Task<>()> task) {
    boost::asio::co_spawn(
        context_, [task = std::move(task)]() -> Task<> { co_await task(); },
        [this](const std::exception_ptr& failure) {
          EXPECT_FALSE(failure);
          ++ended_;
        });
  }
  /// Runs until nothing is left to do; so it also shows that waits that are over leave no work behind.
  void run(int tasks) {
    context_.run();
    EXPECT_EQ(ended_, tasks);
  }
  /// Reads once; "end" and "failed" in place of bytes.
  static Task<std::string> next(Stream& stream) {
    std::array<std::byte, 64> room;
    for (;;) {
      const IoResult got = stream.try_read(room);
      if (got.status == IoStatus::ok) co_return std::string(reinterpret_cast<const char*>(room.data()), got.bytes);
      if (got.status == IoStatus::end) co_return "end";
      if (got.status == IoStatus::failed) co_return "failed";
      co_await stream.wait_readable();
    }
  }
  /// Writes until there is no more room.
  static void fill(Stream& stream) {
    std::vector<char> block(64 * 1024, 'x');
    const iovec piece{block.data(), block.size()};
    while (stream.try_write({&piece, 1}).status == IoStatus::ok) {
    }
  }
  static void drain(int descriptor) {
    std::vector<char> block(64 * 1024);
    while (::recv(descriptor, block.data(), block.size(), MSG_DONTWAIT) > 0) {
    }
  }

  boost::asio::io_context context_{1};
  int ended_ = 0;
};

// Who begins to wait right after the last one has stopped must not rely on a watch that is just being given up.
TEST_P(ReactorTest, IsWatchedForTheNextAfterTheLast) {
  Pair first(context_), second(context_);
  std::string heard;
  start([&]() -> Task<> {
    co_await next(*first.near);
    // Comes before the end of the watch, which is posted when nobody waits any more.
    boost::asio::post(context_, [&] { start([&]() -> Task<> { heard = co_await next(*second.near); }); });
  });
  boost::asio::steady_timer wakes(context_, std::chrono::milliseconds(5));
  wakes.async_wait([&](boost::system::error_code) { first.near->shutdown(); });
  boost::asio::steady_timer speaks(context_, std::chrono::milliseconds(30));
  speaks.async_wait([&](boost::system::error_code) { second.say("b"); });
  boost::asio::steady_timer gives_up(context_, std::chrono::seconds(10));
  gives_up.async_wait([&](boost::system::error_code cancelled) {
    if (!cancelled) context_.stop();
  });
  start([&]() -> Task<> {
    while (heard.empty()) {
      boost::asio::steady_timer soon(context_, std::chrono::milliseconds(20));
      co_await soon.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
      if (gives_up.expiry() <= std::chrono::steady_clock::now()) co_return;
    }
    gives_up.cancel();
  });
  run(3);
  EXPECT_EQ(heard, "b");
}

TEST_P(ReactorTest, DataThatIsThereBeforeTheFirstAttemptEndsAWait) {
  Pair pair(context_);
  pair.say("a");
  start([&]() -> Task<> {
    co_await pair.near->wait_readable();
    EXPECT_EQ(co_await next(*pair.near), "a");
  });
  run(1);
}

TEST_P(ReactorTest, DataThatComesBetweenAnEmptyAttemptAndTheWaitEndsTheWait) {
  Pair pair(context_);
  start([&]() -> Task<> {
    std::array<std::byte, 8> room;
    EXPECT_EQ(pair.near->try_read(room).status, IoStatus::want_read);
    pair.say("b");
    co_await pair.near->wait_readable();
    EXPECT_EQ(co_await next(*pair.near), "b");
    // The same once the descriptor is registered.
    EXPECT_EQ(pair.near->try_read(room).status, IoStatus::want_read);
    pair.say("c");
    co_await pair.near->wait_readable();
    EXPECT_EQ(co_await next(*pair.near), "c");
  });
  run(1);
}

TEST_P(ReactorTest, DataThatComesAfterAShortReadEndsTheWait) {
  Pair pair(context_);
  pair.say("a");
  start([&]() -> Task<> {
    std::array<std::byte, 8> room;
    for (int i = 0; i < 3; ++i) {
      const IoResult got = pair.near->try_read(room);
      EXPECT_EQ(got.bytes, 1U);
      EXPECT_TRUE(got.drained);
      pair.say("b");
      co_await pair.near->wait_readable();
    }
  });
  run(1);
}

// The end of the stream is no event of its own when it came together with data, and a short read is no empty attempt.
TEST_P(ReactorTest, TheEndThatCameWithTheDataEndsTheWait) {
  Pair pair(context_);
  Pair registered(context_);
  start([&]() -> Task<> {
    pair.say("last");
    ::shutdown(pair.far, SHUT_WR);
    EXPECT_EQ(co_await next(*pair.near), "last");
    co_await pair.near->wait_readable();
    EXPECT_EQ(co_await next(*pair.near), "end");
  });
  start([&]() -> Task<> {
    EXPECT_EQ(co_await next(*registered.near), "words");
    co_await registered.near->wait_readable();
    EXPECT_EQ(co_await next(*registered.near), "end");
  });
  boost::asio::post(context_, [&] {
    registered.say("words");
    ::shutdown(registered.far, SHUT_WR);
  });
  run(2);
}

TEST_P(ReactorTest, AWaitEndsWhenTheStreamIsShutDownOrClosed) {
  Pair shut(context_);
  Pair closed(context_);
  start([&]() -> Task<> { EXPECT_EQ(co_await next(*shut.near), "end"); });
  start([&]() -> Task<> { EXPECT_EQ(co_await next(*closed.near), "failed"); });
  boost::asio::post(context_, [&] {
    shut.near->shutdown();
    closed.near->close();
  });
  run(2);
}

TEST_P(ReactorTest, AWaitOfAClosedStreamEnds) {
  Pair pair(context_);
  pair.near->close();
  start([&]() -> Task<> {
    co_await pair.near->wait_readable();
    co_await pair.near->wait_writable();
    EXPECT_EQ(co_await next(*pair.near), "failed");
  });
  run(1);
}

TEST_P(ReactorTest, AReaderAndAWriterWaitForOneStream) {
  Pair pair(context_);
  fill(*pair.near);
  std::string order;
  start([&]() -> Task<> {
    co_await pair.near->wait_writable();
    order += "w";
    pair.say("x");
  });
  start([&]() -> Task<> {
    EXPECT_EQ(co_await next(*pair.near), "x");
    order += "r";
  });
  boost::asio::post(context_, [&] { drain(pair.far); });
  run(2);
  EXPECT_EQ(order, "wr");
}

TEST_P(ReactorTest, RoomThatIsMadeBeforeTheWaitEndsIt) {
  Pair pair(context_);
  start([&]() -> Task<> {
    for (int i = 0; i < 3; ++i) {
      fill(*pair.near);
      drain(pair.far);
      co_await pair.near->wait_writable();
    }
  });
  run(1);
}

TEST_P(ReactorTest, AWriterLearnsThatThePeerIsGone) {
  Pair pair(context_);
  start([&]() -> Task<> {
    fill(*pair.near);
    co_await pair.near->wait_writable();
    const iovec piece{const_cast<char*>("x"), 1};
    EXPECT_EQ(pair.near->try_write({&piece, 1}).status, IoStatus::failed);
  });
  boost::asio::post(context_, [&] { pair.hang_up(); });
  run(1);
}

TEST_P(ReactorTest, ARaceCancelsTheWaitsOfTheLoser) {
  Pair pair(context_);
  Pair silent(context_);
  Event never(context_.get_executor());
  bool unwound = false;
  start([&]() -> Task<> {
    co_await race([](Stream& stream) -> Task<> { co_await next(stream); }(*pair.near),
                  [](Stream& stream, Event& event, bool& gone) -> Task<> {
                    const std::shared_ptr<void> guard(nullptr, [&gone](void*) { gone = true; });
                    co_await race([](Stream& other) -> Task<> { co_await next(other); }(stream),
                                  [](Event& unheard) -> Task<> { co_await unheard.wait(); }(event));
                  }(*silent.near, never, unwound));
    EXPECT_TRUE(unwound);
    // What was cancelled can be waited for again.
    silent.say("still there");
    EXPECT_EQ(co_await next(*silent.near), "still there");
  });
  boost::asio::post(context_, [&] { pair.say("won"); });
  run(1);
}

TEST_P(ReactorTest, MoreEventsThanOneBatchAreAllSeen) {
  constexpr int count = 300;
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < count; ++i) {
    pairs.push_back(std::make_unique<Pair>(context_));
    start([&stream = *pairs.back()->near]() -> Task<> { EXPECT_EQ(co_await next(stream), "1"); });
  }
  boost::asio::post(context_, [&] {
    for (const auto& pair : pairs)
      pair->say("1");
  });
  run(count);
}

// Both are ready in one batch of events, and whoever comes first destroys the other's stream.
TEST_P(ReactorTest, AStreamMayBeDestroyedWhileItsEventIsHandled) {
  auto left = std::make_unique<Pair>(context_);
  auto right = std::make_unique<Pair>(context_);
  int closed = 0;
  const auto kill_other = [&closed](Pair& own, std::unique_ptr<Pair>& other) -> Task<> {
    co_await own.near->wait_readable();
    if (++closed > 1) co_return;  // the own stream is gone
    other = nullptr;
  };
  start([&]() -> Task<> {
    std::array<std::byte, 8> room;
    left->near->try_read(room);
    co_await kill_other(*left, right);
  });
  start([&]() -> Task<> {
    std::array<std::byte, 8> room;
    right->near->try_read(room);
    co_await kill_other(*right, left);
  });
  boost::asio::post(context_, [&] {
    left->say("1");
    right->say("1");
  });
  run(2);
}

TEST_P(ReactorTest, AStreamMayBeMovedBetweenWaits) {
  Pair pair(context_);
  start([&]() -> Task<> {
    EXPECT_EQ(co_await next(*pair.near), "a");
    Stream moved = std::move(*pair.near);
    EXPECT_FALSE(pair.near->is_open());
    boost::asio::post(context_, [&] { pair.say("b"); });
    EXPECT_EQ(co_await next(moved), "b");
    *pair.near = std::move(moved);
    pair.say("c");
    EXPECT_EQ(co_await next(*pair.near), "c");
  });
  boost::asio::post(context_, [&] { pair.say("a"); });
  run(1);
}

TEST_P(ReactorTest, AReaderWithoutEndLetsOthersHaveTheirTurn) {
  Pair busy(context_);
  Pair patient(context_);
  bool served = false;
  start([&]() -> Task<> {
    const std::string block(16 * 1024, 'x');
    std::vector<std::byte> room(32 * 1024);
    for (int i = 0; i < 100'000 && !served; ++i) {
      busy.say(block);  // an attempt never finds nothing
      if (busy.near->try_read(room).status == IoStatus::want_read) co_await busy.near->wait_readable();
    }
    EXPECT_TRUE(served);
  });
  start([&]() -> Task<> {
    EXPECT_EQ(co_await next(*patient.near), "now");
    served = true;
  });
  boost::asio::post(context_, [&] { patient.say("now"); });
  run(2);
}

// Two coroutines that keep each other busy; Asio's timer must still come.
TEST_P(ReactorTest, TrafficWithoutPauseLetsTimersCome) {
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  Stream left(context_, ends[0]);
  Stream right(context_, ends[1]);
  boost::asio::steady_timer timer(context_, std::chrono::milliseconds(3));
  timer.async_wait([&](boost::system::error_code) { left.shutdown(); });
  const auto echo = [](Stream& stream) -> Task<> {
    for (;;) {
      const std::string got = co_await next(stream);
      if (got == "end" || got == "failed") co_return;
      const auto sent = co_await stream.write_all(std::as_bytes(std::span(got)));
      if (!sent) co_return;
    }
  };
  EXPECT_TRUE(::send(ends[0], "x", 1, 0) == 1);
  start([&]() -> Task<> { co_await echo(left); });
  start([&]() -> Task<> { co_await echo(right); });
  run(2);
}

TEST_P(ReactorTest, AnEventWakesAllWhoWaitAndNobodyLater) {
  Event event(context_.get_executor());
  int woken = 0;
  event.notify();  // lost
  for (int i = 0; i < 3; ++i) {
    start([&]() -> Task<> {
      co_await event.wait();
      ++woken;
      if (woken == 1) event.notify();  // everyone is awake already
    });
  }
  boost::asio::post(context_, [&] { event.notify(); });
  run(3);
  EXPECT_EQ(woken, 3);
}

// Whoever waits keeps the io_context running, although nothing but another thread can end the wait.
TEST_P(ReactorTest, WorkPostedByAnotherThreadRuns) {
  Event event(context_.get_executor());
  constexpr int rounds = 2000;
  std::atomic<int> asked{0};
  int answered = 0;
  start([&]() -> Task<> {
    for (int i = 0; i < rounds; ++i) {
      asked.store(i + 1);
      asked.notify_one();
      while (answered <= i)
        co_await event.wait();
    }
  });
  std::thread other([&] {
    for (int i = 0; i < rounds; ++i) {
      asked.wait(i);
      post_to(context_.get_executor(), [&] {
        ++answered;
        event.notify();
      });
    }
  });
  run(1);
  other.join();
  EXPECT_EQ(answered, rounds);
}

TEST_P(ReactorTest, ATaskRunsOnAnotherThreadAndItsFailureComesBack) {
  boost::asio::io_context elsewhere{1};
  auto work = boost::asio::make_work_guard(elsewhere);
  std::thread other([&] { elsewhere.run(); });
  bool failed = false;
  std::thread::id ran;
  start([&]() -> Task<> {
    co_await run_on(elsewhere.get_executor(), [&]() -> Task<> {
      ran = std::this_thread::get_id();
      co_return;
    });
    try {
      co_await run_on(elsewhere.get_executor(), []() -> Task<> {
        throw std::runtime_error("no");
        co_return;
      });
    } catch (const std::runtime_error&) {
      failed = true;
    }
  });
  run(1);
  EXPECT_EQ(ran, other.get_id());
  EXPECT_TRUE(failed);
  work.reset();
  other.join();
}

TEST_P(ReactorTest, CoroutinesThatStillWaitAreUnwoundWithTheContext) {
  auto context = std::make_unique<boost::asio::io_context>(1);
  int unwound = 0;
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const auto wait_in = [&unwound](boost::asio::io_context& place, int descriptor) -> Task<> {
    const std::shared_ptr<void> guard(nullptr, [&unwound](void*) { ++unwound; });
    Stream stream(place, descriptor);
    Event event(place.get_executor());
    co_await race([](Stream& mute) -> Task<> { co_await next(mute); }(stream),
                  [](Event& unheard) -> Task<> { co_await unheard.wait(); }(event));
  };
  boost::asio::co_spawn(*context, wait_in(*context, ends[0]), [](const std::exception_ptr&) {});
  context->poll();
  EXPECT_EQ(unwound, 0);
  context = nullptr;
  EXPECT_EQ(unwound, 1);
  char byte = 0;
  EXPECT_EQ(::recv(ends[1], &byte, 1, 0), 0);  // and the stream is closed
  ::close(ends[1]);
}

TEST_P(ReactorTest, ADeadlineShutsTheStreamDown) {
  Pair pair(context_);
  start([&]() -> Task<> {
    const Deadline deadline(*pair.near, std::chrono::milliseconds(1));
    EXPECT_EQ(co_await next(*pair.near), "end");
    EXPECT_TRUE(deadline.expired());
  });
  run(1);
}

TEST_P(ReactorTest, TimersComeWhileNothingElseHappens) {
  Pair pair(context_);
  std::vector<int> order;
  Alarm early(context_.get_executor(), [&] { order.push_back(1); });
  Alarm late(context_.get_executor(), [&] {
    order.push_back(2);
    pair.near->shutdown();
  });
  late.set(Reactor::Clock::now() + std::chrono::milliseconds(9));
  early.set(Reactor::Clock::now() + std::chrono::milliseconds(3));
  start([&]() -> Task<> { EXPECT_EQ(co_await next(*pair.near), "end"); });
  run(1);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

INSTANTIATE_TEST_SUITE_P(Reactor, ReactorTest, ::testing::Bool(),
                         [](const auto& how) { return how.param ? "lingering" : "plain"; });

}  // namespace
}  // namespace dbgate::net
