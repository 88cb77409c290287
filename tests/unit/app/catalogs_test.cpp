#include "gateway/app/catalogs.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <optional>

#include "gateway/catalog/builder.h"

namespace dbgate::app {
namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds patience{20};

/// A server whose every load waits until the test lets it end.
class ScriptedSource final : public ports::CatalogSource {
 public:
  Result<SharedCatalog> load(const ports::CatalogRequest& request, const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    begun_.push_back(request);
    changed_.notify_all();
    const std::stop_callback wake(stop, [this] { changed_.notify_all(); });
    while (ends_.empty() && !free_) {
      if (stop.stop_requested()) return Error(sqlstate::admin_shutdown, "stopped");
      changed_.wait_for(lock, milliseconds(10));
    }
    bool fine = true;
    if (!ends_.empty()) {
      fine = ends_.front();
      ends_.pop_front();
    }
    changed_.notify_all();
    if (!fine) return Error(sqlstate::connection_failure, "nobody there");
    return catalog::SnapshotBuilder().build(request.version, 150000);
  }

  /// Waits until so many loads have begun in all. @return the request of the last of them
  ports::CatalogRequest wait_for_load(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return begun_.size() >= count; })) {
      ADD_FAILURE() << "load " << count << " does not begin";
      return {};
    }
    return begun_[count - 1];
  }
  std::size_t loads() {
    const std::lock_guard lock(mutex_);
    return begun_.size();
  }
  void end_one(bool fine = true) {
    const std::lock_guard lock(mutex_);
    ends_.push_back(fine);
    changed_.notify_all();
  }
  /// From now on loads end at once.
  void free() {
    const std::lock_guard lock(mutex_);
    free_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ports::CatalogRequest> begun_;
  std::deque<bool> ends_;
  bool free_ = false;
};

config::Config shop(milliseconds refresh = std::chrono::hours(1), milliseconds timeout = std::chrono::hours(1)) {
  config::Config config;
  config::Target target;
  target.name = "shop";
  target.databases = {"other"};
  target.upstream.hosts = {{"db", 5432}};
  target.upstream.database = "main";
  target.upstream.user = "u";
  target.catalog = {refresh, std::chrono::hours(24), timeout};
  config.targets.push_back(target);
  target.name = "plain";
  target.engine = config::EngineKind::tcp;
  config.targets.push_back(target);
  return config;
}

config::Config only_main(milliseconds refresh = std::chrono::hours(1), milliseconds timeout = std::chrono::hours(1)) {
  config::Config config = shop(refresh, timeout);
  config.targets[0].databases.clear();
  return config;
}

class CatalogsTest : public testing::Test {
 protected:
  void start(const config::Config& config) {
    catalogs_.configure(config);
    catalogs_.start();
  }
  /// Awaits fresh() in a context of its own, as a worker would.
  std::shared_ptr<std::optional<Result<SharedCatalog>>> ask(CatalogTicket ticket,
                                                            const std::string& database = "main") {
    auto answer = std::make_shared<std::optional<Result<SharedCatalog>>>();
    boost::asio::co_spawn(
        context_,
        [this, ticket, database, answer]() -> Task<> {
          auto got = co_await catalogs_.fresh("shop", database, ticket);
          answer->emplace(std::move(got));
        },
        boost::asio::detached);
    context_.restart();
    context_.poll();
    return answer;
  }
  void finish() {
    context_.restart();
    context_.run_for(patience);
  }
  template <class Condition>
  void wait_until(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    EXPECT_TRUE(condition());
  }
  std::uint64_t current_version() {
    const auto snapshot = catalogs_.current("shop", "main");
    return snapshot ? snapshot->version() : 0;
  }

  std::unique_ptr<ScriptedSource> owned_ = std::make_unique<ScriptedSource>();
  ScriptedSource& source_ = *owned_;
  boost::asio::io_context context_{1};
  Catalogs catalogs_{std::move(owned_)};  // its threads wake coroutines of the context until they have ended
};

TEST_F(CatalogsTest, EveryDatabaseIsLoadedAtStart) {
  start(shop());
  EXPECT_EQ(catalogs_.current("shop", "main"), nullptr);
  source_.wait_for_load(2);
  source_.free();
  wait_until([&] { return catalogs_.current("shop", "main") && catalogs_.current("shop", "other"); });
  EXPECT_EQ(catalogs_.current("plain", "main"), nullptr);
  EXPECT_EQ(catalogs_.current("shop", "nowhere"), nullptr);
  EXPECT_EQ(source_.loads(), 2u);
  EXPECT_NE(catalogs_.current("shop", "main")->version(), catalogs_.current("shop", "other")->version());
}

TEST_F(CatalogsTest, FreshJoinsTheLoadUnderWay) {
  start(only_main());
  source_.wait_for_load(1);
  const auto first = ask(0);
  const auto second = ask(0);
  EXPECT_FALSE(first->has_value());
  source_.end_one();
  finish();
  ASSERT_TRUE(first->has_value() && second->has_value());
  EXPECT_EQ(***first, ***second);
  EXPECT_EQ(source_.loads(), 1u);
  const auto later = ask(0);
  EXPECT_TRUE(later->has_value()) << "what is loaded is there without waiting";
}

TEST_F(CatalogsTest, ATicketIsNotSatisfiedByALoadThatBeganBefore) {
  start(only_main());
  source_.wait_for_load(1);
  const CatalogTicket ticket = catalogs_.invalidate("shop", "main");
  EXPECT_EQ(catalogs_.pending("shop", "main"), ticket);
  const auto answer = ask(ticket);
  source_.end_one();
  const auto again = source_.wait_for_load(2);
  context_.restart();
  context_.poll();
  EXPECT_FALSE(answer->has_value()) << "the first load began before the ticket";
  source_.end_one();
  finish();
  ASSERT_TRUE(answer->has_value());
  ASSERT_TRUE(**answer);
  EXPECT_EQ((***answer)->version(), again.version);
  EXPECT_EQ(current_version(), again.version);
  EXPECT_EQ(catalogs_.pending("shop", "main"), 0u);
}

TEST_F(CatalogsTest, VersionsGrowAndTellOfEveryChange) {
  start(only_main());
  source_.free();
  wait_until([&] { return current_version() != 0; });
  const std::uint64_t before = catalogs_.version(), first = current_version();
  const auto answer = ask(catalogs_.invalidate("shop", "main"));
  finish();
  ASSERT_TRUE(answer->has_value() && **answer);
  EXPECT_GT((***answer)->version(), first);
  EXPECT_GE(catalogs_.version(), before + 2) << "once for the ticket, once for the load";
}

TEST_F(CatalogsTest, AfterDdlALoadComesEvenIfNobodyWaits) {
  start(only_main());
  source_.free();
  wait_until([&] { return current_version() != 0; });
  catalogs_.invalidate("shop", "main");
  source_.wait_for_load(2);
  wait_until([&] { return catalogs_.pending("shop", "main") == 0; });
}

TEST_F(CatalogsTest, DdlByOneTargetCountsForOthersOfThatDatabase) {
  config::Config config = only_main();
  config.targets[0].upstream.hosts = {{"db1", 5432}, {"db2", 5432}};
  config::Target other = config.targets[0];
  other.name = "same";
  other.upstream.hosts = {{"db2", 5432}};
  config.targets.push_back(other);
  other.name = "elsewhere";
  other.upstream.hosts = {{"db2", 5433}};
  config.targets.push_back(other);
  start(config);
  source_.wait_for_load(3);
  for (int i = 0; i < 3; ++i)
    source_.end_one();
  wait_until([&] {
    return catalogs_.current("shop", "main") && catalogs_.current("same", "main") &&
           catalogs_.current("elsewhere", "main");
  });
  const CatalogTicket ticket = catalogs_.invalidate("shop", "main");
  EXPECT_EQ(catalogs_.pending("shop", "main"), ticket);
  EXPECT_EQ(catalogs_.pending("same", "main"), ticket);
  EXPECT_EQ(catalogs_.pending("elsewhere", "main"), 0u);
}

TEST_F(CatalogsTest, AFailureIsToldToWhoWaitsAndTheNextTriesAgain) {
  start(only_main());
  source_.wait_for_load(1);
  const auto answer = ask(0);
  source_.end_one(false);
  finish();
  ASSERT_TRUE(answer->has_value());
  ASSERT_FALSE(**answer);
  const Error why = (**answer).error();
  EXPECT_EQ(why.code(), sqlstate::connection_failure);
  const auto again = ask(0);
  source_.wait_for_load(2);
  source_.end_one();
  finish();
  ASSERT_TRUE(again->has_value() && **again);
}

TEST_F(CatalogsTest, AFailureAfterDdlKeepsTheOldSnapshotPending) {
  start(only_main());
  source_.end_one();
  wait_until([&] { return current_version() != 0; });
  const CatalogTicket ticket = catalogs_.invalidate("shop", "main");
  const auto answer = ask(ticket);
  source_.end_one(false);
  finish();
  ASSERT_TRUE(answer->has_value());
  EXPECT_FALSE(**answer) << "the old snapshot does not satisfy the ticket";
  EXPECT_NE(catalogs_.current("shop", "main"), nullptr);
  EXPECT_EQ(catalogs_.pending("shop", "main"), ticket);
}

TEST_F(CatalogsTest, AHangingServerIsGivenUp) {
  start(only_main(std::chrono::hours(1), milliseconds(50)));
  source_.wait_for_load(1);
  const auto answer = ask(0);
  finish();
  ASSERT_TRUE(answer->has_value());
  const Error why = (**answer).error();
  EXPECT_EQ(why.code(), sqlstate::query_canceled);
}

TEST_F(CatalogsTest, OneHangingDatabaseDoesNotHoldUpAnother) {
  start(shop());
  source_.wait_for_load(2);
  source_.end_one();
  wait_until([&] { return catalogs_.current("shop", "main") || catalogs_.current("shop", "other"); });
  EXPECT_FALSE(catalogs_.current("shop", "main") && catalogs_.current("shop", "other"));
}

TEST_F(CatalogsTest, TheScheduleLoadsAgain) {
  start(only_main(milliseconds(1)));
  source_.free();
  source_.wait_for_load(3);
}

TEST_F(CatalogsTest, WhatIsTooOldIsNotShown) {
  config::Config config = only_main();
  config.targets[0].catalog.max_stale = milliseconds(100);
  start(config);
  source_.end_one();
  wait_until([&] { return current_version() != 0; });
  wait_until([&] { return catalogs_.current("shop", "main") == nullptr; });
  const auto answer = ask(0);
  source_.wait_for_load(2);
  source_.end_one();
  finish();
  EXPECT_TRUE(answer->has_value() && **answer);
}

TEST_F(CatalogsTest, AReloadKeepsWhatIsReachedAsBeforeAndLoadsTheRest) {
  start(only_main());
  source_.free();
  wait_until([&] { return current_version() != 0; });
  const auto before = catalogs_.current("shop", "main");
  catalogs_.configure(shop());
  EXPECT_EQ(catalogs_.current("shop", "main"), before);
  wait_until([&] { return catalogs_.current("shop", "other") != nullptr; });
  config::Config moved = shop();
  moved.targets[0].upstream.hosts[0].host = "elsewhere";
  catalogs_.configure(moved);
  EXPECT_NE(catalogs_.current("shop", "main"), before);
  wait_until([&] { return current_version() > before->version(); });
  catalogs_.configure(config::Config{});
  EXPECT_EQ(catalogs_.current("shop", "main"), nullptr);
}

TEST_F(CatalogsTest, WhoWaitsForWhatIsConfiguredAwayIsTold) {
  start(only_main());
  source_.wait_for_load(1);
  const auto answer = ask(0);
  catalogs_.configure(config::Config{});
  finish();
  ASSERT_TRUE(answer->has_value());
  EXPECT_FALSE(**answer);
  const auto unknown = ask(0);
  ASSERT_TRUE(unknown->has_value());
  EXPECT_FALSE(**unknown);
}

TEST_F(CatalogsTest, WhatIsForgottenIsLoadedAnewAndWhatWasLoadingDoesNotCount) {
  start(only_main());
  source_.wait_for_load(1);
  const auto answer = ask(0);
  catalogs_.forget("other");
  catalogs_.forget("shop");
  const std::uint64_t second = source_.wait_for_load(2).version;
  EXPECT_EQ(catalogs_.current("shop", "main"), nullptr);
  source_.end_one();
  source_.end_one();
  finish();
  ASSERT_TRUE(answer->has_value() && answer->value());
  EXPECT_EQ((*answer)->value()->version(), second);
  EXPECT_EQ(current_version(), second);
  EXPECT_EQ(source_.loads(), 2u);
}

TEST_F(CatalogsTest, NobodyIsToldOfAFailureWhileNoHostServes) {
  std::atomic<int> asked{0};
  std::atomic<bool> serves{false};
  auto source = std::make_unique<ScriptedSource>();
  ScriptedSource& loads = *source;
  loads.free();
  Catalogs catalogs(std::move(source), [&](const std::string& target, config::Upstream& server) {
    ++asked;
    server.hosts = {{target + "2", 5432}};
    return serves.load();
  });
  catalogs.configure(only_main());
  catalogs.start();
  std::optional<Result<SharedCatalog>> answer;
  boost::asio::co_spawn(
      context_, [&]() -> Task<> { answer.emplace(co_await catalogs.fresh("shop", "main", 0)); }, boost::asio::detached);
  context_.poll();
  wait_until([&] { return asked > 2; });
  EXPECT_EQ(loads.loads(), 0u);
  serves = true;
  finish();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(loads.wait_for_load(1).server.hosts.at(0).host, "shop2");
}

TEST_F(CatalogsTest, StoppingEndsLoadsAndWaits) {
  start(only_main());
  source_.wait_for_load(1);
  const auto answer = ask(0);
  EXPECT_TRUE(catalogs_.stop());
  finish();
  ASSERT_TRUE(answer->has_value());
  const Error why = (**answer).error();
  EXPECT_EQ(why.code(), sqlstate::admin_shutdown);
  const auto after = ask(0);
  ASSERT_TRUE(after->has_value());
  EXPECT_FALSE(**after);
}

}  // namespace
}  // namespace dbgate::app
