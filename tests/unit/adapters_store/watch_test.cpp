#include <sys/wait.h>
#include <unistd.h>

#include <iostream>

#include "tests/unit/adapters_store/store_lab.h"

// Changes reach every gateway on a store within a second.
namespace dbgate::adapters::store {
namespace {

using std::chrono::milliseconds;

class WatchTest : public StoreTest {};
ON_BOTH_DIALECTS(WatchTest);

bool changed(const Event& event) {
  return event.what == Event::What::changed;
}

void add_group(Store& store, const std::string& name) {
  Group group;
  group.name = name;
  got(store.users().create_group(group, t0));
}

TEST_P(WatchTest, AChangeReachesAllGatewaysWithinASecond) {
  const auto other = lab.open();
  EventLog here, there;
  const auto first = store->watch(here.callback());
  const auto second_watch = other->watch(there.callback());
  milliseconds slowest{0};
  for (int i = 0; i < 8; ++i) {
    add_group(*store, "g" + std::to_string(i));
    const std::int64_t now = generation();
    const auto caught_up = [now](const Event& event) { return changed(event) && event.generation == now; };
    const auto at_home = here.wait(caught_up);
    const auto elsewhere = there.wait(caught_up);
    ASSERT_TRUE(at_home && elsewhere);
    slowest = std::max({slowest, *at_home, *elsewhere});
  }
  EXPECT_LT(slowest, milliseconds(1000));
  std::cout << "slowest change: " << slowest.count() << " ms\n";
}

TEST_P(WatchTest, WhatChangesNothingForOthersIsNotTold) {
  EventLog log;
  const auto watch = store->watch(log.callback());
  make_login("alice", "r1");
  did(store->sign_ins().put_pending_login({"h", "k", "d", t0}));
  add_group(*store, "last");
  const std::int64_t now = generation();
  // The first that is told is of the group.
  std::optional<Event> first;
  ASSERT_TRUE(log.wait([&](const Event& event) {
    first = event;
    return true;
  }));
  EXPECT_EQ(first->generation, now);
}

TEST_P(WatchTest, AWatchThatHasEndedIsNotCalled) {
  EventLog log, witness;
  auto watch = store->watch(log.callback());
  const auto stays = store->watch(witness.callback());
  watch.reset();
  add_group(*store, "g");
  ASSERT_TRUE(witness.wait(changed));
  EXPECT_FALSE(log.wait(changed, milliseconds(0)));
}

TEST_P(WatchTest, ACallbackMayUseTheStore) {
  EventLog log;
  const auto watch = store->watch([&](const Event& event) {
    EXPECT_EQ(got(store->load_directory(t0, t0)).groups.size(), 1u);
    log(event);
  });
  add_group(*store, "g");
  EXPECT_TRUE(log.wait(changed));
}

TEST(WatchSqlite, AChangeByAnotherProcessIsSeenWithinASecond) {
  const StoreLab lab(Dialect::sqlite);
  const auto store = lab.open();
  EventLog log;
  const auto watch = store->watch(log.callback());
  const std::string state = lab.config.state_dir;
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(STORE_OTHER_GATEWAY, "store_other_gateway", state.c_str(), "theirs", nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  const auto took = log.wait(changed);
  ASSERT_TRUE(took);
  EXPECT_LT(*took, milliseconds(1000));  // after the process has ended
  std::cout << "seen after " << took->count() << " ms\n";
  EXPECT_TRUE(got(store->users().find_group("theirs")));
}

TEST(WatchPostgres, ALostListeningConnectionIsReplaced) {
  const StoreLab lab(Dialect::postgresql);
  const auto store = lab.open();
  EventLog log;
  const auto watch = store->watch(log.callback());
  add_group(*store, "before");
  ASSERT_TRUE(log.wait(changed));
  postgres_server().sql(
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
      "WHERE application_name = 'dbgate store'");
  add_group(*store, "after");  // on a pooled connection, which is dead as well
  const std::int64_t now = got(store->generation());
  EXPECT_TRUE(log.wait([now](const Event& event) { return event.generation == now; }));
  add_group(*store, "again");
  const auto took = log.wait([now](const Event& event) { return event.generation == now + 1; });
  ASSERT_TRUE(took);
  EXPECT_LT(*took, milliseconds(1000));
}

}  // namespace
}  // namespace dbgate::adapters::store
