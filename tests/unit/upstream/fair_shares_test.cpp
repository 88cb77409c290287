#include "gateway/upstream/fair_shares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace dbgate::upstream {
namespace {

using std::chrono::milliseconds;

/// Sessions of one user that want a connection again as soon as they have had theirs.
struct Crowd {
  std::string name;
  unsigned weight = 1;
  int sessions = 1;
  milliseconds turn{1};
};

/// For how long each has had connections when `most` of them were to be had for `until`, in ms.
std::map<std::string, std::int64_t> shared_out(const std::vector<Crowd>& crowds, std::size_t most, milliseconds until) {
  struct Session {
    const Crowd* crowd;
    FairShare share;
    std::int64_t charged = 0;
    milliseconds since{0};  // it waits
    milliseconds ends{0};   // it has one
  };
  FairShares shares;
  std::vector<Session> waiting, busy;
  for (const Crowd& crowd : crowds) {
    for (int i = 0; i < crowd.sessions; ++i) {
      waiting.push_back({&crowd, shares.of(crowd.name, crowd.weight)});
      waiting.back().share->join();
    }
  }
  std::map<std::string, std::int64_t> had;
  for (milliseconds now{0}; now < until; ++now) {
    for (std::size_t i = 0; i < busy.size();) {
      if (busy[i].ends > now) {
        ++i;
        continue;
      }
      busy[i].share->end_turn(busy[i].charged, busy[i].crowd->turn);
      had[busy[i].crowd->name] += busy[i].crowd->turn.count();
      busy[i].since = now;
      busy[i].share->join();
      waiting.push_back(busy[i]);
      busy.erase(busy.begin() + static_cast<std::ptrdiff_t>(i));
    }
    while (busy.size() < most && !waiting.empty()) {
      const auto next = std::min_element(waiting.begin(), waiting.end(), [](const Session& one, const Session& other) {
        const auto rank = [](const Session& session) {
          return Rank{session.share, FairShares::Clock::time_point{} + session.since};
        };
        return rank(one) < rank(other);
      });
      next->charged = next->share->begin_turn();
      next->ends = now + next->crowd->turn;
      busy.push_back(*next);
      waiting.erase(next);
    }
  }
  return had;
}

TEST(FairShares, EachUserHasTheSameHoweverManySessionsAsk) {
  auto had = shared_out({{"many", 1, 50, milliseconds(5)}, {"few", 1, 4, milliseconds(5)}}, 4, milliseconds(20'000));
  EXPECT_NEAR(static_cast<double>(had["few"]) / static_cast<double>(had["many"]), 1.0, 0.05);
}

TEST(FairShares, TimeCountsNotTurns) {
  auto had =
      shared_out({{"long", 1, 50, milliseconds(100)}, {"short", 1, 50, milliseconds(2)}}, 10, milliseconds(60'000));
  EXPECT_NEAR(static_cast<double>(had["short"]) / static_cast<double>(had["long"]), 1.0, 0.1);
}

TEST(FairShares, WeightsCount) {
  auto had = shared_out({{"one", 1, 20, milliseconds(5)}, {"three", 3, 20, milliseconds(5)}}, 4, milliseconds(20'000));
  EXPECT_NEAR(static_cast<double>(had["three"]) / static_cast<double>(had["one"]), 3.0, 0.15);
}

TEST(FairShares, WhatOneLeavesOthersHave) {
  auto had = shared_out({{"many", 1, 50, milliseconds(5)}, {"one", 1, 1, milliseconds(5)}}, 4, milliseconds(20'000));
  EXPECT_NEAR(static_cast<double>(had["one"]), 20'000.0, 400.0) << "it has a connection all the time";
  EXPECT_NEAR(static_cast<double>(had["many"]), 60'000.0, 1'000.0);
}

TEST(FairShares, NobodySavesUp) {
  FairShares shares;
  const FairShare busy = shares.of("busy", 1), late = shares.of("late", 1);
  for (int i = 0; i < 100; ++i) {
    busy->join();
    busy->end_turn(busy->begin_turn(), milliseconds(10));
  }
  late->join();
  EXPECT_LE(busy->used_us() - late->used_us(), 10'000) << "one turn ahead, not a hundred";
  EXPECT_LT(late->used_us(), busy->used_us());
}

TEST(FairShares, ADebtOutlivesItsSessions) {
  FairShares shares;
  const FairShare other = shares.of("other", 1);
  other->join();
  shares.of("debtor", 1)->end_turn(0, milliseconds(700));
  for (std::size_t i = 0; i < 2 * FairShares::most_kept; ++i)
    static_cast<void>(shares.of("user" + std::to_string(i), 1));
  EXPECT_EQ(shares.of("debtor", 1)->used_us(), 700'000);
}

}  // namespace
}  // namespace dbgate::upstream
