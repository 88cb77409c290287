#include "gateway/upstream/permits.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace dbgate::upstream {
namespace {

/// A thread as the book sees it, which writes down what it is told.
struct Told : PermitBook::Party {
  explicit Told(PermitBook& book) {
    granted = [this](const std::string&) { ++grants; };
    wanted = [this](const std::string&) { ++asked; };
    book.join(this);
  }
  int grants = 0;
  int asked = 0;
};

/// Of somebody who came as the n-th.
Rank came(int n) {
  return {nullptr, PermitBook::Clock::time_point{} + std::chrono::milliseconds(n)};
}

TEST(PermitBook, HandsOutAsManyAsThereAre) {
  PermitBook book;
  EXPECT_TRUE(book.try_take("a", 2));
  EXPECT_TRUE(book.try_take("a", 2));
  EXPECT_FALSE(book.try_take("a", 2));
  EXPECT_TRUE(book.try_take("b", 1)) << "each target has its own";
  book.give("a");
  EXPECT_TRUE(book.try_take("a", 2));
  EXPECT_TRUE(book.try_take("c", 0)) << "no limit";
}

TEST(PermitBook, ServesWhoHasWaitedLongest) {
  PermitBook book;
  Told one(book), two(book);
  ASSERT_TRUE(book.try_take("a", 1));
  book.stand_in_line("a", &one, came(1));
  book.stand_in_line("a", &two, came(2));
  book.stand_in_line("a", &one, came(1));
  EXPECT_EQ(two.asked, 2) << "others are asked to give up what they do not use";
  EXPECT_EQ(one.asked, 1);
  EXPECT_FALSE(book.try_take("a", 1)) << "nobody overtakes";
  book.give("a");
  EXPECT_EQ(one.grants, 1);
  book.give("a");
  EXPECT_EQ(two.grants, 1) << "the other one there came later";
  EXPECT_FALSE(book.leave_only("a", &one, 0, {}));
  book.give("a");
  EXPECT_EQ(one.grants, 1) << "it has stepped out";
  EXPECT_EQ(book.taken("a"), 0u);
}

TEST(PermitBook, ServesWhoHasHadLeast) {
  PermitBook book;
  Told one(book), two(book);
  ASSERT_TRUE(book.try_take("a", 1));
  const FairShare heavy = book.share_of("a", "heavy", 1), light = book.share_of("a", "light", 1);
  book.stand_in_line("a", &one, {heavy, came(1).since});
  book.stand_in_line("a", &one, {heavy, came(1).since});
  book.stand_in_line("a", &two, {light, came(9).since});
  heavy->end_turn(0, std::chrono::milliseconds(5));  // while they wait
  EXPECT_EQ(book.others_first("a", &one)->share, light);
  book.give("a");
  EXPECT_EQ(two.grants, 1);
  EXPECT_EQ(book.call_next("a", &two), &one);
  EXPECT_EQ(book.call_next("a", &one), nullptr) << "that is whoever asks";
  EXPECT_EQ(book.line_of("a")->load(), 1);
}

// Somebody is served otherwise while a permit is on its way to him; it serves the next, who still stands in line.
TEST(PermitBook, KeepsNobodyInLineWhoDoesNotWait) {
  PermitBook book;
  Told one(book), two(book);
  ASSERT_TRUE(book.try_take("a", 1));
  book.stand_in_line("a", &one, came(1));
  book.give("a");
  EXPECT_EQ(one.grants, 1);
  book.stand_in_line("a", &one, came(2));
  book.stand_in_line("a", &two, came(3));
  EXPECT_FALSE(book.leave_only("a", &one, 1, came(2)));
  EXPECT_EQ(book.others_first("a", &two)->since, came(2).since);
  EXPECT_TRUE(book.leave_only("a", &one, 0, {}));
  EXPECT_FALSE(book.others_first("a", &two));
  EXPECT_EQ(book.others_first("a", &one)->since, came(3).since);
}

TEST(PermitBook, GrantsAtOnceWhatHasBecomeFree) {
  PermitBook book;
  Told one(book);
  ASSERT_TRUE(book.try_take("a", 1));
  book.give("a");
  book.stand_in_line("a", &one, came(1));
  EXPECT_EQ(one.grants, 1);
  EXPECT_EQ(book.line_of("a")->load(), 0);
}

TEST(PermitBook, GivesUpBeyondALoweredLimit) {
  PermitBook book;
  Told one(book);
  ASSERT_TRUE(book.try_take("a", 3) && book.try_take("a", 3) && book.try_take("a", 3));
  EXPECT_FALSE(book.try_take("a", 1));
  book.stand_in_line("a", &one, came(1));
  book.give("a");
  book.give("a");
  EXPECT_EQ(one.grants, 0);
  book.give("a");
  EXPECT_EQ(one.grants, 1);
  EXPECT_EQ(book.taken("a"), 1u);
}

TEST(PermitBook, IsExactUnderManyThreads) {
  PermitBook book;
  std::atomic<int> held{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        if (!book.try_take("a", 2)) continue;
        if (++held > 2) exceeded = true;
        --held;
        const Permit permit(book, "a");
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(book.taken("a"), 0u);
}

TEST(PermitBook, HandsOutItsPartOfWhatIsDivided) {
  PermitBook book;
  Told one(book);
  book.divide(0, 2);
  EXPECT_TRUE(book.try_take("a", 3));
  EXPECT_TRUE(book.try_take("a", 3)) << "the first has what cannot be divided";
  EXPECT_FALSE(book.try_take("a", 3));
  book.divide(1, 2);
  EXPECT_TRUE(book.over("a"));
  book.stand_in_line("a", &one, came(1));
  book.give("a");
  EXPECT_FALSE(book.over("a"));
  EXPECT_EQ(one.grants, 0) << "the part has become less";
  book.divide(0, 1);
  EXPECT_EQ(one.grants, 1) << "it has become more";
  EXPECT_EQ(book.taken("a"), 2u);
  EXPECT_TRUE(book.try_take("b", 0)) << "no limit";
  EXPECT_FALSE(book.over("b"));
  book.divide(4, 5);
  EXPECT_TRUE(book.try_take("c", 3)) << "nobody is left without";
  EXPECT_FALSE(book.try_take("c", 3));
}

TEST(PermitBook, LeavesOneForWork) {
  PermitBook book;
  EXPECT_FALSE(book.listen("a", 1));
  EXPECT_TRUE(book.listen("a", 3));
  EXPECT_TRUE(book.listen("a", 3));
  EXPECT_FALSE(book.listen("a", 3));
  book.listen_no_longer("a");
  EXPECT_TRUE(book.listen("a", 3));
  EXPECT_TRUE(book.listen("b", 0)) << "no limit";
  EXPECT_EQ(book.taken("a"), 0u) << "the permit itself is taken like any other";
}

}  // namespace
}  // namespace dbgate::upstream
