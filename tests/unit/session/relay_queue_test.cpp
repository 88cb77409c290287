#include <gtest/gtest.h>

#include "gateway/session/relay.h"
#include "tests/unit/session/relay_lab.h"

// Statements that wait on the server behind others, while what allowed them goes.
namespace dbgate::session {
namespace {

namespace b = backend;
namespace f = frontend;
using namespace std::chrono_literals;

/// What the relay says half a second later; policies have changed by then.
Relay::Overdue later(RelayLab& lab) {
  ++lab.judge.current;
  lab.limiter.time += 500ms;
  return lab.relay.on_time();
}

std::string execute_batch(const std::string& statement) {
  return f::bind("", statement) + f::execute("") + f::sync;
}

TEST(RelayQueue, WhatRunsIsNotLookedAt) {
  RelayLab lab;
  lab.client(f::query("SELECT * FROM t"));
  EXPECT_EQ(lab.relay.due(), UnderLimits::never);
  EXPECT_FALSE(lab.relay.has_queue());
  lab.client(f::query("SELECT * FROM u"));
  EXPECT_TRUE(lab.relay.has_queue());
  lab.judge.denied = {"t"};
  EXPECT_EQ(later(lab), Relay::Overdue::nothing);
}

TEST(RelayQueue, WhatWaitsIsLookedAtWhenPoliciesHaveChanged) {
  RelayLab lab;
  lab.client(f::query("SELECT * FROM t") + f::query("SELECT * FROM u"));
  lab.limiter.time += 500ms;
  EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::nothing);
  EXPECT_EQ(lab.judge.looked, 0u);
  EXPECT_EQ(later(lab), Relay::Overdue::nothing);
  EXPECT_EQ(lab.judge.looked, 1u);
  lab.limiter.time += 500ms;
  EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::nothing);
  EXPECT_EQ(lab.judge.looked, 1u);
  lab.judge.denied = {"u"};
  EXPECT_EQ(later(lab), Relay::Overdue::outlived);
  EXPECT_EQ(lab.relay.failure().code(), sqlstate::admin_shutdown);
}

TEST(RelayQueue, WhatHasComeToItsEndIsForgotten) {
  RelayLab lab;
  lab.client(f::query("SELECT * FROM t") + f::query("SELECT * FROM u"));
  lab.server(b::complete("SELECT 0") + b::ready('I') + b::complete("SELECT 0") + b::ready('I'));
  EXPECT_FALSE(lab.relay.has_queue());
  lab.judge.denied = {"u"};
  EXPECT_EQ(later(lab), Relay::Overdue::nothing);
  EXPECT_EQ(lab.relay.due(), UnderLimits::never);
  EXPECT_EQ(lab.judge.looked, 0u);
}

TEST(RelayQueue, WhatIsNextInATextWaitsToo) {
  RelayLab lab;
  lab.client(f::query("SELECT * FROM t; SELECT * FROM u; SELECT * FROM v"));
  EXPECT_TRUE(lab.relay.has_queue());
  lab.judge.denied = {"t"};
  EXPECT_EQ(later(lab), Relay::Overdue::nothing);
  lab.server(b::complete("SELECT 0"));
  lab.judge.denied = {"u"};
  EXPECT_EQ(later(lab), Relay::Overdue::nothing);
  lab.judge.denied = {"v"};
  EXPECT_EQ(later(lab), Relay::Overdue::outlived);
  lab.server(b::complete("SELECT 0"));
  EXPECT_FALSE(lab.relay.has_queue());
}

TEST(RelayQueue, ABatchIsLookedAtOnce) {
  RelayLab lab;
  lab.client(f::parse("s", "INSERT INTO t VALUES ($1)") + f::sync).server(b::parse_complete + b::ready('I'));
  std::string batch;
  for (int i = 0; i < 100; ++i)
    batch += execute_batch("s");
  lab.client(batch);
  EXPECT_EQ(later(lab), Relay::Overdue::nothing);
  EXPECT_EQ(lab.judge.looked, 1u);
  lab.judge.denied = {"t"};
  EXPECT_EQ(later(lab), Relay::Overdue::outlived);
}

TEST(RelayQueue, WhatExecuteNamesIsLookedAt) {
  RelayLab lab;
  lab.client(f::query("PREPARE p AS SELECT * FROM u")).server(b::complete("PREPARE") + b::ready('I'));
  lab.client(f::query("SELECT * FROM t") + f::query("EXECUTE p") + f::query("DEALLOCATE p"));
  EXPECT_EQ(later(lab), Relay::Overdue::nothing);
  lab.judge.denied = {"u"};
  EXPECT_EQ(later(lab), Relay::Overdue::outlived);
}

TEST(RelayQueue, FunctionCalls) {
  RelayLab lab;
  lab.judge.function_calls = true;
  lab.client(f::query("SELECT * FROM t") + std::string(MessageText('F').int32(1).int16(0).int16(0).int16(0)));
  EXPECT_EQ(later(lab), Relay::Overdue::nothing);
  lab.judge.function_calls = false;
  EXPECT_EQ(later(lab), Relay::Overdue::outlived);
}

TEST(RelayQueue, WithoutACatalogItIsLookedAtLater) {
  RelayLab lab;
  lab.client(f::query("SELECT * FROM t") + f::query("SELECT * FROM u"));
  lab.judge.denied = {"u"};
  lab.judge.unread = true;
  EXPECT_EQ(later(lab), Relay::Overdue::unread);
  lab.judge.unread = false;
  lab.limiter.time += 500ms;
  EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::outlived);
}

TEST(RelayQueue, WithoutACatalogItIsNotLeftForEver) {
  RelayLab lab;
  lab.client(f::query("SELECT * FROM t") + f::query("SELECT * FROM u"));
  lab.judge.unread = true;
  int looks = 0;
  while (later(lab) == Relay::Overdue::unread && looks < 100)
    ++looks;
  EXPECT_EQ(looks, 20);
  EXPECT_EQ(lab.relay.failure().code(), sqlstate::admin_shutdown);
}

}  // namespace
}  // namespace dbgate::session
