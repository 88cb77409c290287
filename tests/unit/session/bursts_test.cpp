#include "gateway/session/bursts.h"

#include <gtest/gtest.h>

#include <thread>

namespace dbgate::session {
namespace {

constexpr std::int64_t noon = 1'700'000'000;
using Of = Burst::Of;

void note(Burst& burst, Of what, std::uint32_t times, std::int64_t now) {
  for (std::uint32_t i = 0; i < times; ++i)
    burst.note(what, now);
}

TEST(Burst, IsMoreThanSoManyWithinAMinute) {
  Burst burst;
  EXPECT_FALSE(burst.was_ever());
  note(burst, Of::refusal, Burst::most_refusals, noon);
  EXPECT_FALSE(burst.goes_on(noon));
  burst.note(Of::refusal, noon + 40);
  EXPECT_TRUE(burst.goes_on(noon + 40));
  EXPECT_TRUE(burst.goes_on(noon + 40 + Burst::window - 1));
  EXPECT_FALSE(burst.goes_on(noon + 40 + Burst::window));
  EXPECT_TRUE(burst.was_ever());
}

TEST(Burst, WhatIsOlderDoesNotCount) {
  Burst burst;
  for (int minute = 0; minute < 10; ++minute)
    note(burst, Of::refusal, Burst::most_refusals, noon + 2 * minute * Burst::window);
  EXPECT_FALSE(burst.was_ever());
}

TEST(Burst, RefusalsAndQuestionsAreCountedApart) {
  Burst burst;
  note(burst, Of::probe, Burst::most_probes, noon);
  note(burst, Of::refusal, Burst::most_refusals, noon);
  EXPECT_FALSE(burst.goes_on(noon));
  burst.note(Of::probe, noon);
  EXPECT_TRUE(burst.goes_on(noon));
}

TEST(Burst, ManyThreadsLoseNone) {
  Burst burst;
  constexpr std::uint32_t each = Burst::most_probes / 4;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&burst] { note(burst, Of::probe, each, noon); });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_FALSE(burst.goes_on(noon));
  burst.note(Of::probe, noon);
  EXPECT_TRUE(burst.goes_on(noon));
}

TEST(Bursts, AreOnePerCaller) {
  Bursts all;
  const auto ana = all.of("ana", noon);
  EXPECT_EQ(all.of("ana", noon), ana);
  EXPECT_NE(all.of("bob", noon), ana);
}

TEST(Bursts, ForgetWhoIsGone) {
  Bursts all;
  const auto stays = all.of("stays", noon);
  std::weak_ptr<Burst> gone = all.of("goes", noon);
  std::weak_ptr<Burst> bad = all.of("bad", noon);
  note(*bad.lock(), Of::refusal, 100, noon);
  for (int i = 0; i < 20'000; ++i)
    all.of("user" + std::to_string(i), noon);
  EXPECT_TRUE(gone.expired());
  EXPECT_FALSE(bad.expired()) << "it goes on";
  EXPECT_EQ(all.of("stays", noon), stays);
}

}  // namespace
}  // namespace dbgate::session
