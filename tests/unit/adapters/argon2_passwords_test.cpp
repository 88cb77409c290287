#include "gateway/adapters/argon2_passwords.h"

#include <gtest/gtest.h>

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "gateway/adapters/argon2_text.h"

namespace dbgate::adapters {
namespace {

config::Passwords cheap() {
  config::Passwords settings;
  settings.memory_bytes = 64u << 10;
  settings.passes = 1;
  settings.threads = 2;
  return settings;
}

// From the reference library's own tests (src/test.c): "password", "somesalt".
constexpr const char* made_elsewhere =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

TEST(Argon2Passwords, KnownAnswer) {
  const auto passwords = *make_argon2_passwords(cheap());
  EXPECT_TRUE(*passwords->verify(made_elsewhere, "password"));
  EXPECT_FALSE(*passwords->verify(made_elsewhere, "Password"));
  EXPECT_TRUE(passwords->needs_rehash(made_elsewhere));
}

TEST(Argon2Passwords, RoundTrip) {
  const auto passwords = *make_argon2_passwords(cheap());
  const std::string text("p\xc3\xa4ss \0word", 12);
  const std::string stored = *passwords->hash(text);
  EXPECT_TRUE(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << stored;
  EXPECT_TRUE(*passwords->verify(stored, text));
  EXPECT_FALSE(*passwords->verify(stored, text.substr(0, 6)));
  EXPECT_FALSE(*passwords->verify(stored, ""));
  EXPECT_NE(*passwords->hash(text), stored);
  EXPECT_FALSE(passwords->needs_rehash(stored));
  auto other = cheap();
  other.parallelism = 2;
  const auto changed = *make_argon2_passwords(other);
  EXPECT_TRUE(changed->needs_rehash(stored));
  EXPECT_TRUE(*changed->verify(stored, text));
  EXPECT_TRUE(*changed->verify(*changed->hash("two lanes"), "two lanes"));
}

TEST(Argon2Passwords, TheDecoyFitsNothingAndCostsTheSame) {
  const auto passwords = *make_argon2_passwords(cheap());
  EXPECT_FALSE(passwords->needs_rehash(passwords->decoy()));
  for (const char* password : {"", "password", "decoy"})
    EXPECT_FALSE(*passwords->verify(passwords->decoy(), password));
}

TEST(Argon2Passwords, GoesOnWhenItsProcessIsKilled) {
  auto settings = cheap();
  settings.threads = 1;
  const auto passwords = *make_argon2_passwords(settings);
  const std::string stored = *passwords->hash("before");
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  std::vector<pid_t> pids;
  for (pid_t pid = 0; children >> pid;)
    pids.push_back(pid);
  ASSERT_EQ(pids.size(), 1u);
  std::ifstream policy("/proc/" + std::to_string(pids[0]) + "/stat");
  const std::string stat(std::istreambuf_iterator<char>(policy), {});
  EXPECT_TRUE(stat.find("(dbgate-hash)") != std::string::npos) << stat;
  EXPECT_EQ(::getsid(pids[0]), pids[0]) << "a session of its own";
  EXPECT_EQ(::sched_getscheduler(pids[0]), SCHED_IDLE);
  ::kill(pids[0], SIGTERM);  // a service manager's, for the gateway
  EXPECT_TRUE(*passwords->verify(stored, "before"));
  ::kill(pids[0], SIGKILL);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(*passwords->verify(stored, "before"));
    EXPECT_FALSE(*passwords->verify(stored, "after"));
  }
}

TEST(Argon2Passwords, WhatIsTooLongForTheProcessIsHashedAllTheSame) {
  const auto passwords = *make_argon2_passwords(cheap());
  const std::string longest(100'000, 'x');
  EXPECT_TRUE(*passwords->verify(*passwords->hash(longest), longest));
  EXPECT_TRUE(*passwords->verify(made_elsewhere, "password"));
}

TEST(Argon2Passwords, WhatIsNoHashIsAnErrorOfOurs) {
  const auto passwords = *make_argon2_passwords(cheap());
  for (const char* stored :
       {"", "password", "$argon2id$",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=100000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=0256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=8,t=2,p=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$",
        "$argon2id$v=19$m=256,t=2,p=1$$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"}) {
    const auto refused = passwords->verify(stored, "password");
    ASSERT_FALSE(refused) << stored;
    EXPECT_EQ(refused.error().code(), sqlstate::internal_error);
  }
}

TEST(Argon2Passwords, EveryTextIsOneOrNone) {
  const std::string right = made_elsewhere;
  ASSERT_EQ(format_argon2(*parse_argon2(right)), right);
  for (std::size_t at = 0; at < right.size(); ++at) {
    std::string changed = right;
    changed[at] = '!';
    EXPECT_FALSE(parse_argon2(changed)) << at;
    const auto parsed = parse_argon2(right.substr(0, at));
    if (parsed) EXPECT_EQ(format_argon2(*parsed), right.substr(0, at));
  }
}

TEST(Argon2Passwords, TheQueueIsBounded) {
  auto settings = cheap();
  settings.memory_bytes = 8u << 20;
  settings.threads = 1;
  settings.queue = 2;
  const auto passwords = *make_argon2_passwords(settings);
  std::atomic<int> done = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 20; ++i) {
    callers.emplace_back([&] {
      const auto hash = passwords->hash("password");
      if (!hash && hash.error().code() != sqlstate::too_many_connections) return;
      ++(hash ? done : refused);
    });
  }
  for (std::thread& caller : callers)
    caller.join();
  EXPECT_EQ(done + refused, 20);
  EXPECT_GE(done, 1);
  EXPECT_GT(refused, 0);
  EXPECT_TRUE(passwords->hash("password"));
}

TEST(Argon2Passwords, ParametersThatArgonDoesNotKnow) {
  auto settings = cheap();
  settings.memory_bytes = 1024;
  EXPECT_FALSE(make_argon2_passwords(settings));
}

}  // namespace
}  // namespace dbgate::adapters
