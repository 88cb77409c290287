#include "gateway/sinks/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "gateway/sinks/backlog.h"
#include "tests/unit/proof/written_log.h"

namespace dbgate::sinks {
namespace {

using proof::WrittenLog;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Takes so many records with each call, then answers as it is told.
class Receiver final : public ports::AuditSink {
 public:
  ports::Delivery send(std::span<const ports::SinkRecord> records, const std::stop_token&) override {
    ++calls;
    ports::Delivery delivery;
    for (const ports::SinkRecord& record : records) {
      const std::string name = std::string(record.chain) + std::to_string(record.sequence);
      if (name == poison) {
        delivery.why = "no";
        delivery.rejected = true;
        break;
      }
      if (delivery.delivered == most) {
        delivery.why = "full";
        break;
      }
      got.push_back(name);
      ++delivery.delivered;
    }
    return delivery;
  }
  Result<> settle(const std::stop_token&) override {
    if (!settles) return Error(sqlstate::io_error, "not yet");
    return boost::system::in_place_value;
  }

  std::vector<std::string> got;
  std::size_t most = 1'000'000;
  std::string poison;
  bool settles = true;
  int calls = 0;
};

/// A sink that follows a log, and what it would keep on the disk.
struct Lab {
  WrittenLog log;
  Receiver receiver;
  config::AuditSink settings;
  telemetry::SinkCounters counters;
  std::optional<std::string> kept;
  std::vector<Gap> gaps;
  bool takes_gaps = true;

  std::unique_ptr<Follower> follow() {
    settings.name = "s";
    const PositionPlace place{[this] { return Result<std::optional<std::string>>(kept); },
                              [this](std::string_view text) -> Result<> {
                                kept = text;
                                return boost::system::in_place_value;
                              }};
    const auto note = [this](const Gap& gap) -> Result<> {
      if (!takes_gaps) return Error(sqlstate::io_error, "full");
      gaps.push_back(gap);
      return boost::system::in_place_value;
    };
    auto follower = std::make_unique<Follower>(settings, log.directory(), receiver, place, note, counters);
    EXPECT_TRUE(follower->open());
    return follower;
  }
  static void run(Follower& follower) {
    do {
      if (follower.step({}).count() > 0 && !follower.caught_up()) break;
    } while (!follower.caught_up());
  }
};

TEST(Follower, GivesEveryRecordOnceInOrder) {
  Lab lab;
  lab.settings.batch_records = 2;
  lab.log.add("a", 3);
  lab.log.turn("a");
  lab.log.add("a", 2);
  auto follower = lab.follow();
  Lab::run(*follower);
  EXPECT_THAT(lab.receiver.got, ElementsAre("a1", "a2", "a3", "a4", "a5"));
  EXPECT_EQ(lab.receiver.calls, 3);
  lab.log.add("a", 1);
  Lab::run(*follower);
  EXPECT_EQ(lab.receiver.got.back(), "a6");
  EXPECT_EQ(lab.counters.delivered.value(), 6u);
  EXPECT_EQ(lab.counters.failing.value(), 0u);
  Backlog backlog(lab.log.directory());
  backlog.look();
  EXPECT_EQ(backlog.behind(follower->positions()).records, 0u);
  EXPECT_EQ(backlog.behind(follower->positions()).bytes, 0u);
}

TEST(Follower, GoesOnBehindWhatItHasKept) {
  Lab lab;
  lab.log.add("a", 3);
  lab.log.add("b", 2);
  {
    auto follower = lab.follow();
    Lab::run(*follower);
    EXPECT_TRUE(follower->keep({}));
  }
  lab.log.add("b", 1);
  lab.receiver.got.clear();
  auto follower = lab.follow();
  Lab::run(*follower);
  EXPECT_THAT(lab.receiver.got, ElementsAre("b3"));
}

TEST(Follower, KeepsNothingThatHasNotSettled) {
  Lab lab;
  lab.log.add("a", 2);
  lab.receiver.settles = false;
  auto follower = lab.follow();
  Lab::run(*follower);
  EXPECT_FALSE(follower->keep({}));
  EXPECT_FALSE(lab.kept) << "after a crash all of them come again";
}

TEST(Follower, ComesAgainWithWhatWasNotTaken) {
  Lab lab;
  lab.log.add("a", 3);
  lab.receiver.most = 1;
  auto follower = lab.follow();
  const milliseconds first = follower->step({});
  EXPECT_GE(first.count(), 125);
  EXPECT_EQ(lab.counters.failing.value(), 1u);
  EXPECT_NE(follower->oldest_us(), 0);
  lab.receiver.most = 10;
  EXPECT_EQ(follower->step({}).count(), 0);
  EXPECT_THAT(lab.receiver.got, ElementsAre("a1", "a2", "a3"));
  EXPECT_EQ(lab.counters.failing.value(), 0u);
  EXPECT_EQ(follower->oldest_us(), 0);
}

TEST(Follower, WaitsLongerEachTime) {
  Lab lab;
  lab.log.add("a", 1);
  lab.receiver.most = 0;
  auto follower = lab.follow();
  milliseconds last{0};
  for (int i = 0; i < 12; ++i)
    last = follower->step({});
  EXPECT_GE(last, milliseconds(15'000));
  EXPECT_LE(last, milliseconds(30'000));
}

TEST(Follower, ARejectedRecordIsWaitedForOrLeftOut) {
  for (const bool gap : {false, true}) {
    Lab lab;
    lab.settings.on_lag = gap ? config::OnLag::gap : config::OnLag::refuse;
    lab.receiver.poison = "a2";
    lab.log.add("a", 3);
    auto follower = lab.follow();
    Lab::run(*follower);
    Lab::run(*follower);
    EXPECT_EQ(lab.gaps.size(), gap ? 1u : 0u);
    EXPECT_EQ(lab.receiver.got.size(), gap ? 2u : 1u);
    EXPECT_EQ(lab.counters.dropped.value(), gap ? 1u : 0u);
    if (!gap) continue;
    EXPECT_EQ(lab.gaps[0].first, 2u);
    EXPECT_EQ(lab.gaps[0].last, 2u);
  }
}

TEST(Follower, LeavesNothingOutThatTheLogCannotSay) {
  Lab lab;
  lab.settings.on_lag = config::OnLag::gap;
  lab.takes_gaps = false;
  lab.receiver.poison = "a2";
  lab.log.add("a", 3);
  auto follower = lab.follow();
  Lab::run(*follower);
  Lab::run(*follower);
  follower->skip({1, 0});
  lab.receiver.poison.clear();
  Lab::run(*follower);
  EXPECT_THAT(lab.receiver.got, ElementsAre("a1", "a2", "a3"));
  EXPECT_EQ(lab.counters.dropped.value(), 0u);
}

TEST(Follower, AReceiverThatRejectsEverythingDoesNotEmptyTheLog) {
  Lab lab;
  lab.settings.on_lag = config::OnLag::gap;
  lab.receiver.poison = "a1";
  lab.log.add("a", 1);
  auto follower = lab.follow();
  EXPECT_GT(follower->step({}).count(), 0) << "one, and a pause";
}

TEST(Follower, SkipsTheOldest) {
  Lab lab;
  lab.log.add("a", 100);
  auto follower = lab.follow();
  Backlog backlog(lab.log.directory());
  backlog.look();
  const std::uint64_t all = backlog.behind({}).bytes;
  follower->skip({all / 2, 0});
  Lab::run(*follower);
  ASSERT_EQ(lab.gaps.size(), 1u);
  EXPECT_EQ(lab.gaps[0].first, 1u);
  EXPECT_NEAR(static_cast<double>(lab.gaps[0].records), 50, 3);
  EXPECT_EQ(lab.receiver.got.front(), "a" + std::to_string(lab.gaps[0].last + 1));
  EXPECT_EQ(lab.receiver.got.size() + lab.gaps[0].records, 100u);
  EXPECT_EQ(lab.counters.dropped.value(), lab.gaps[0].records);
}

TEST(Follower, RemovedSegmentsAreAGap) {
  Lab lab;
  lab.log.add("a", 2);
  {
    auto follower = lab.follow();
    Lab::run(*follower);
    EXPECT_TRUE(follower->keep({}));
  }
  lab.log.add("a", 2);
  const std::string first = lab.log.segment("a");
  lab.log.turn("a");
  lab.log.add("a", 1);
  std::filesystem::remove(first);
  auto follower = lab.follow();
  Lab::run(*follower);
  EXPECT_THAT(lab.receiver.got, ElementsAre("a1", "a2", "a5"));
  ASSERT_EQ(lab.gaps.size(), 1u);
  EXPECT_EQ(lab.gaps[0].first, 3u);
  EXPECT_EQ(lab.gaps[0].last, 4u);
}

TEST(Follower, AnOlderLogComesAgain) {
  Lab lab;
  lab.kept = "a 7 100 900\n";
  lab.log.add("a", 2);
  auto follower = lab.follow();
  Lab::run(*follower);
  EXPECT_THAT(lab.receiver.got, ElementsAre("a1", "a2"));
}

TEST(Follower, ADamagedChainDoesNotKeepOthers) {
  Lab lab;
  lab.log.add("a", 2);
  proof::write_file(audit::segment_path(lab.log.directory(), "b", 1), "no record\n");
  auto follower = lab.follow();
  follower->step({});
  EXPECT_THAT(lab.receiver.got, ElementsAre("a1", "a2"));
  EXPECT_FALSE(follower->caught_up());
}

TEST(Follower, MayBeginAtTheEnd) {
  Lab lab;
  lab.settings.from_now = true;
  lab.log.add("a", 2);
  auto follower = lab.follow();
  lab.log.add("a", 1);
  lab.log.add("b", 1);
  Lab::run(*follower);
  EXPECT_THAT(lab.receiver.got, ::testing::UnorderedElementsAre("a3", "b1"));
}

// tsan looks at this one.
TEST(Follower, IsLookedAtWhileItWorks) {
  Lab lab;
  lab.settings.batch_records = 3;
  lab.log.add("a", 50);
  auto follower = lab.follow();
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) {
      Backlog backlog(lab.log.directory());
      backlog.look();
      if (backlog.behind(follower->positions()).bytes > 0) follower->skip({1u << 20, follower->oldest_us()});
    }
  });
  for (const char* chain : {"b", "c"}) {
    lab.log.add(chain, 50);
    Lab::run(*follower);
  }
  done = true;
  other.join();
  EXPECT_GE(lab.receiver.got.size() + lab.counters.dropped.value(), 50u);
}

TEST(Positions, AreReadAsTheyAreWritten) {
  const Positions positions{{"api", {{1, 0}, 0}}, {"w0", {{12, 345}, 678}}};
  EXPECT_EQ(read_positions(text_of(positions)).value(), positions);
  EXPECT_THAT(read_positions("").value(), IsEmpty());
  for (const char* wrong : {"w0 1 2", "w0 1 2 x", "w0 1 2 3 4", "w0"})
    EXPECT_FALSE(read_positions(wrong)) << wrong;
}

TEST(Positions, TheLeastOfAll) {
  const Positions one{{"a", {{2, 5}, 20}}, {"b", {{1, 1}, 3}}, {"c", {{1, 1}, 1}}};
  const Positions two{{"a", {{1, 9}, 10}}, {"b", {{4, 1}, 40}}};
  EXPECT_EQ(least_of({one, two}), (Positions{{"a", {{1, 9}, 10}}, {"b", {{1, 1}, 3}}}));
  EXPECT_EQ(least_of({one}), one);
  EXPECT_THAT(least_of({one, {}}), IsEmpty());
  EXPECT_THAT(least_of({}), IsEmpty());
}

}  // namespace
}  // namespace dbgate::sinks
