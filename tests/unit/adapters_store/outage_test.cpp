#include <iostream>
#include <thread>

#include "tests/unit/adapters_store/store_lab.h"

// A PostgreSQL server that is gone, stands still, and comes back. Never a hang, never a crash, and all is well
// afterwards.
namespace dbgate::adapters::store {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds timeout{700};

class OutagePostgres : public testing::Test {
 protected:
  OutagePostgres() {
    lab.config.store.timeout = timeout;
    lab.config.store.connections = 3;
    store = lab.open();
    watch = store->watch(log.callback());
  }
  // Everything must be there for the lab to clean up.
  void make_group(const std::string& name) {
    Group group;
    group.name = name;
    got(store->users().create_group(group, t0));
  }
  /// How long an operation took that must fail.
  milliseconds failing(const std::string& name) {
    const auto begun = Clock::now();
    Group group;
    group.name = name;
    EXPECT_EQ(code_of(store->users().create_group(group, t0)), "08006");
    const auto middle = Clock::now();
    EXPECT_EQ(code_of(store->users().find_group(name)), "08006");
    return std::chrono::duration_cast<milliseconds>(std::max(middle - begun, Clock::now() - middle));
  }
  bool told(Event::What what) {
    return log.wait([what](const Event& event) { return event.what == what; }).has_value();
  }

  StoreLab lab{Dialect::postgresql};
  EventLog log;
  std::unique_ptr<Store> store;
  std::unique_ptr<Watch> watch;
};

// Far above the time-out: this machine may be busy.
constexpr milliseconds late{5'000};

TEST_F(OutagePostgres, AServerThatIsGoneIsAnErrorAtOnceAndFineWhenBack) {
  make_group("before");
  postgres_server().stop();
  EXPECT_LT(failing("during"), late);
  EXPECT_TRUE(told(Event::What::lost));
  postgres_server().start();
  EXPECT_TRUE(told(Event::What::back));
  make_group("after");
  EXPECT_TRUE(got(store->users().find_group("before")));
  EXPECT_FALSE(got(store->users().find_group("during")));
}

TEST_F(OutagePostgres, AServerThatStandsStillIsAnErrorAfterTheTimeout) {
  make_group("before");
  postgres_server().freeze();
  std::vector<std::thread> callers;
  // More than there are connections.
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([this] {
      const milliseconds took = failing("during");
      EXPECT_LT(took, timeout + late);
    });
  }
  for (std::thread& caller : callers)
    caller.join();
  EXPECT_TRUE(told(Event::What::lost));
  postgres_server().thaw();
  EXPECT_TRUE(told(Event::What::back));
  make_group("after");
}

// Not each caller waits to the end of its time: one has found out, the others are told.
TEST_F(OutagePostgres, AfterTheFirstTimeoutCallersFailAtOnceUntilItIsBack) {
  make_group("before");
  postgres_server().freeze();
  failing("during");
  const auto begun = Clock::now();
  for (int i = 0; i < 1'000; ++i)
    EXPECT_EQ(code_of(store->users().find_group("before")), "08006");
  EXPECT_LT(Clock::now() - begun, timeout) << "a thousand callers took longer than one may wait";
  EXPECT_TRUE(told(Event::What::lost));
  postgres_server().thaw();
  const auto back = log.wait([](const Event& event) { return event.what == Event::What::back; });
  ASSERT_TRUE(back);
  EXPECT_LT(*back, std::chrono::seconds(3));
  make_group("after");
}

// One statement that is held up is no server that is away.
TEST_F(OutagePostgres, ALockThatIsHeldTooLongStopsNobodyElse) {
  make_group("before");
  const std::string held = "BEGIN; UPDATE " + lab.schema + ".directory SET generation = generation; SELECT pg_sleep(" +
                           std::to_string(2 * timeout.count() / 1000.0) + "); COMMIT";
  std::thread holder([&held] { postgres_server().sql(held); });
  while (postgres_server().sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != "1") {
  }
  Group group;
  group.name = "held";
  EXPECT_EQ(code_of(store->users().create_group(group, t0)), "08006");
  EXPECT_TRUE(got(store->users().find_group("before")));
  holder.join();
}

TEST_F(OutagePostgres, ConnectionsThatDiedUnnoticedAreNoError) {
  make_group("before");
  postgres_server().stop();
  postgres_server().start();
  // The first operation finds dead connections only, and nobody hears of it.
  make_group("after");
  EXPECT_EQ(got(store->users().list_groups({})).items.size(), 2u);
}

TEST(OpeningPostgres, AServerThatIsNotThereIsAnError) {
  StoreLab lab(Dialect::postgresql);
  lab.config.store.url = "postgresql://u@%2Fnonexistent/d";
  const auto opened = lab.try_open();
  EXPECT_EQ(code_of(opened), "08006");
}

TEST(OpeningPostgres, AWrongPasswordIsAnErrorThatDoesNotShowIt) {
  StoreLab lab(Dialect::postgresql);
  lab.config.store.password = "not the password";
  const auto opened = lab.try_open();
  ASSERT_EQ(code_of(opened), "08006");
  const Error why = opened.error();
  EXPECT_THAT(why.message() + why.hint(), testing::Not(testing::HasSubstr("not the password")));
}

TEST(OpeningPostgres, AServerThatTakesNoChangesIsNone) {
  StoreLab lab(Dialect::postgresql);
  postgres_server().sql("ALTER DATABASE postgres SET default_transaction_read_only TO on");
  EXPECT_EQ(code_of(lab.try_open()), "08006");
  postgres_server().sql("ALTER DATABASE postgres RESET default_transaction_read_only");
  EXPECT_EQ(code_of(lab.try_open()), "");
}

}  // namespace
}  // namespace dbgate::adapters::store
