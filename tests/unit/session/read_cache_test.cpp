#include "gateway/session/read_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "gateway/session/read_side.h"

namespace dbgate::session {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t products = 20'001, prices = 20'002;

KeptResultPtr result_of(std::string messages) {
  auto result = std::make_shared<KeptResult>();
  result->messages = std::move(messages);
  return result;
}

WriteLedger::Places places_of(std::initializer_list<std::uint32_t> tables) {
  WriteLedger::Places places;
  for (const std::uint32_t table : tables)
    places.set(WriteLedger::place_of(table));
  return places;
}

class ReadCacheTest : public testing::Test {
 protected:
  void keep(const std::string& key, std::string messages, std::initializer_list<std::uint32_t> tables = {products}) {
    auto watch = ledger->watch(std::vector<std::uint32_t>(tables));
    ASSERT_TRUE(watch);
    cache.keep(key, result_of(std::move(messages)), ledger, std::move(*watch), start + 10s);
  }
  std::string find(std::string_view key, ReadCache::Clock::duration after = 0s) {
    const KeptResultPtr found = cache.find(key, start + after);
    return found ? found->messages : "none";
  }

  std::shared_ptr<WriteLedger> ledger = std::make_shared<WriteLedger>();
  const ReadCache::Clock::time_point start = ReadCache::Clock::now();
  ReadCache cache{64 * 1024};
};

TEST_F(ReadCacheTest, UntilItsTimeIsOver) {
  keep("a", "one");
  EXPECT_EQ(find("a"), "one");
  EXPECT_EQ(find("b"), "none");
  EXPECT_EQ(find("a", 10s - 1ns), "one");
  EXPECT_EQ(find("a", 10s), "none");
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST_F(ReadCacheTest, UntilSomebodyWrites) {
  keep("a", "one");
  keep("b", "two", {prices});
  keep("c", "three", {products, prices});
  ledger->begin(places_of({prices}));
  EXPECT_EQ(find("a"), "one");
  EXPECT_EQ(find("b"), "none");
  EXPECT_EQ(find("c"), "none");
  ledger->end(places_of({prices}));
  EXPECT_EQ(find("a"), "one");
  ledger->begin(WriteLedger::Places{}.set(WriteLedger::anything));
  EXPECT_EQ(find("a"), "none");
}

TEST_F(ReadCacheTest, NothingIsWatchedWhileItIsWritten) {
  const std::vector<std::uint32_t> tables{products};
  const auto before = ledger->watch(tables);
  ledger->begin(places_of({products}));
  ledger->begin(places_of({products}));
  EXPECT_FALSE(ledger->watch(tables));
  EXPECT_FALSE(ledger->holds(*before));
  EXPECT_TRUE(ledger->watch(std::vector<std::uint32_t>{prices}));
  ledger->end(places_of({products}));
  EXPECT_FALSE(ledger->watch(tables)) << "another one still writes";
  ledger->end(places_of({products}));
  const auto after = ledger->watch(tables);
  ASSERT_TRUE(after);
  EXPECT_TRUE(ledger->holds(*after));
  EXPECT_FALSE(ledger->holds(*before));
  ledger->begin(WriteLedger::Places{}.set(WriteLedger::anything));
  EXPECT_FALSE(ledger->watch(tables));
}

TEST_F(ReadCacheTest, BoundedByBytes) {
  for (int i = 0; i < 1000; ++i) {
    keep("key" + std::to_string(i), std::string(1000, 'x'));
    EXPECT_LE(cache.bytes(), 64u * 1024);
    EXPECT_NE(find("key0"), "none") << "asked for all the time, at " << i;
  }
  EXPECT_GT(cache.size(), 20u);
  EXPECT_EQ(find("key500"), "none");
  EXPECT_NE(find("key999"), "none");
  keep("large", std::string(cache.max_result_bytes() + 1, 'x'));
  EXPECT_EQ(find("large"), "none");
  keep(std::string(64 * 1024, 'k'), "x");
  EXPECT_LE(cache.bytes(), 64u * 1024);
}

TEST_F(ReadCacheTest, TheSameKeyAgain) {
  keep("a", "one");
  const std::size_t bytes = cache.bytes();
  const KeptResultPtr held = cache.find("a", start);
  keep("a", "two");
  EXPECT_EQ(find("a"), "two");
  EXPECT_EQ(cache.bytes(), bytes);
  EXPECT_EQ(held->messages, "one") << "who still sends it has it";
}

TEST_F(ReadCacheTest, PartsOfKeysDoNotRunTogether) {
  ReadSide side(cache, ledger, "app");
  const auto key_of = [&side](std::initializer_list<std::string_view> parts) {
    std::string& key = side.begin_key();
    for (const std::string_view part : parts)
      ReadSide::add_to_key(key, part);
    return key;
  };
  EXPECT_NE(key_of({"ab", "c"}), key_of({"a", "bc"}));
  EXPECT_NE(key_of({"", "a"}), key_of({"a", ""}));
  EXPECT_NE(key_of({"a"}), key_of({"a", ""}));
  ReadSide other(cache, ledger, "ap");
  std::string key = key_of({"p"});
  std::string& another = other.begin_key();
  ReadSide::add_to_key(another, "pp");
  EXPECT_NE(key, another);
}

/// One statement of a session from its forwarding to ReadyForQuery.
class ReadSideTest : public ReadCacheTest {
 protected:
  static policy::Footprint reading(std::initializer_list<std::uint32_t> tables) {
    policy::Footprint footprint;
    footprint.reads = tables;
    footprint.ttl = 10s;
    return footprint;
  }
  static policy::Footprint writing(std::initializer_list<std::uint32_t> tables) {
    policy::Footprint footprint;
    footprint.writes = tables;
    return footprint;
  }
  /// @return what was found instead, or "asked"
  std::string ask(ReadSide& side, std::string_view text, const std::function<void()>& meanwhile = {}) {
    std::string& key = side.begin_key();
    ReadSide::add_to_key(key, text);
    const KeptResultPtr found = side.find(key, reading({products}), text, {});
    if (found) return found->messages;
    side.record();
    Outgoing replies;
    replies.say("before");
    side.begin_replies(replies);
    replies.say("rows ");
    side.take_replies(replies);
    if (meanwhile) meanwhile();
    replies.say("and more");
    side.complete(replies, "SELECT 2", 2, 99);
    replies.say("not of it");
    side.take_replies(replies);
    side.ready(true, true);
    return "asked";
  }

  ReadSide mine{cache, ledger, "mine"};
  ReadSide other{cache, ledger, "other"};
};

TEST_F(ReadSideTest, WhatCameForTheStatement) {
  EXPECT_EQ(ask(mine, "q"), "asked");
  EXPECT_EQ(ask(mine, "q"), "rows and more");
  EXPECT_EQ(ask(other, "q"), "asked");
}

TEST_F(ReadSideTest, AWriteThatOverlaps) {
  EXPECT_EQ(ask(mine, "q", [&] { other.note(writing({products})); }), "asked");
  EXPECT_EQ(ask(mine, "q"), "asked") << "it had begun, and may have been seen in part";
  EXPECT_EQ(ask(mine, "q", [&] { other.ready(true, true); }), "asked");
  EXPECT_EQ(ask(mine, "q"), "asked") << "it was over only after that one had begun";
  EXPECT_EQ(ask(mine, "q"), "rows and more");
  other.note(writing({products}));
  EXPECT_EQ(ask(mine, "q"), "asked");
  other.ready(false, false);
  EXPECT_EQ(ask(mine, "q"), "asked") << "its transaction is still open";
}

TEST_F(ReadSideTest, AWriterThatIsGone) {
  {
    ReadSide third(cache, ledger, "third");
    third.note_anything();
    third.note(writing({products}));
    EXPECT_FALSE(third.open());
    EXPECT_EQ(ask(mine, "q"), "asked");
    EXPECT_EQ(ask(mine, "q"), "asked");
  }
  EXPECT_EQ(ask(mine, "q"), "asked");
  EXPECT_EQ(ask(mine, "q"), "rows and more");
}

TEST_F(ReadSideTest, ASessionThatNobodyCanFollow) {
  policy::Footprint strays = writing({prices});
  strays.binds = true;
  other.note(strays);
  EXPECT_FALSE(other.open());
  EXPECT_EQ(ask(mine, "q"), "asked");
  EXPECT_EQ(ask(mine, "q"), "asked") << "its names may mean other tables";
  other.ready(true, true);
  EXPECT_EQ(ask(mine, "q"), "asked");
  EXPECT_EQ(ask(mine, "q"), "rows and more");
  other.note(writing({prices}));
  EXPECT_EQ(ask(mine, "q"), "asked");
}

TEST_F(ReadSideTest, WhatIsDropped) {
  EXPECT_EQ(ask(mine, "q", [&] { mine.drop(); }), "asked");
  EXPECT_EQ(ask(mine, "q"), "asked");
  EXPECT_EQ(ask(mine, "say 'Today'"), "asked");
  EXPECT_EQ(ask(mine, "say 'Today'"), "asked");
}

// For the thread sanitizer, and for the order of things: what is kept is never older than a write that was over before
// it was asked for.
TEST(WriteLedger, ManyThreads) {
  WriteLedger ledger;
  std::atomic<int> row{0};
  std::atomic<bool> stop{false};
  const std::vector<std::uint32_t> tables{products};
  std::thread writer([&] {
    while (!stop) {
      ledger.begin(places_of({products}));
      row.fetch_add(1);
      ledger.end(places_of({products}));
    }
  });
  for (int i = 0; i < 20'000; ++i) {
    const auto watch = ledger.watch(tables);
    if (!watch) continue;
    const int first = row.load();
    const int second = row.load();
    if (ledger.holds(*watch)) EXPECT_EQ(first, second);
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace dbgate::session
