#include "gateway/queries/queries.h"

#include <gmock/gmock.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tests/unit/queries/fake_backend.h"

namespace dbgate::queries {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ports::QueryFailureKind;
using ports::QueryState;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr auto long_enough = 20'000ms;

ports::QueryRequest request(std::string sql = "SELECT id, note FROM t") {
  ports::QueryRequest asked;
  asked.user = "ana";
  asked.target = "shop";
  asked.sql = std::move(sql);
  return asked;
}

const std::string two_columns = description({{"id", 23}, {"note", 25}});

// What a server sends for a statement with these rows.
std::string answer(const std::string& rows, std::string_view tag) {
  return two_columns + rows + complete(tag) + ready();
}

TEST(Queries, KeepARunAsPagesForItsOwner) {
  std::string startup, sent, execute;
  FakeGateway gateway([&](Peer& peer) {
    peer.greet();
    sent = peer.until('S');
    startup = peer.startup;
    execute = peer.execute;
    peer.write(answer(row({"1", {}}) + row({"2", "b"}) + row({"3", ""}), "SELECT 3"));
    peer.until('\0');
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    const auto done = co_await queries.run(request(), long_enough);
    EXPECT_EQ(done.state, QueryState::succeeded);
    EXPECT_EQ(done.results.size(), 1u);
    if (done.results.size() != 1) co_return;
    EXPECT_EQ(done.results[0].tag, "SELECT 3");
    EXPECT_EQ(done.results[0].rows, 3u);
    EXPECT_FALSE(done.results[0].truncated);
    EXPECT_EQ(done.results[0].columns[1].type, "text");
    const auto first = queries.rows({"ana", false}, done.id, 0, 0, 2);
    EXPECT_EQ(first->rows, (std::vector<std::string>{"[1,null]", "[2,\"b\"]"}));
    EXPECT_TRUE(first->more);
    const auto second = queries.rows({"ana", false}, done.id, 0, first->next, 2);
    EXPECT_EQ(second->rows, (std::vector<std::string>{"[3,\"\"]"}));
    EXPECT_FALSE(second->more);
    EXPECT_FALSE(queries.rows({"ana", false}, done.id, 1, 0, 2));
    EXPECT_TRUE(queries.rows({"ana", false}, done.id, 0, SIZE_MAX, SIZE_MAX)->rows.empty());
    bool shown = co_await queries.still_shown({"ana", false}, done.id);
    EXPECT_TRUE(shown);
    for (const char* right : {"another one", ""}) {
      gateway.right = right;
      shown = co_await queries.still_shown({"ana", false}, done.id);
      EXPECT_FALSE(shown) << right;
    }
    gateway.right = "as it was";
    shown = co_await queries.still_shown({"eve", true}, done.id);
    EXPECT_FALSE(shown);
    // Somebody else's, even an administrator's: what came of it is not theirs to read.
    EXPECT_FALSE(queries.find({"eve", false}, done.id));
    EXPECT_FALSE(queries.rows({"eve", true}, done.id, 0, 0, 2));
    EXPECT_FALSE(queries.cancel({"eve", false}, done.id));
    EXPECT_TRUE(queries.find({"eve", true}, done.id));
    EXPECT_TRUE(queries.cancel({"ana", false}, done.id));
    EXPECT_EQ(queries.find({"ana", false}, done.id)->state, QueryState::succeeded);
  });
  gateway.join();
  EXPECT_EQ(sent, "PBDHES");
  EXPECT_EQ(execute.substr(1), std::string("\0\0\x03\xe9", 4));  // 1000, and one more to see whether there are more
  EXPECT_NE(startup.find("client_encoding"), std::string::npos);
}

TEST(Queries, ThoseWhoWatchAreTold) {
  FakeGateway gateway([](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(answer(row({"1", {}}), "SELECT 1"));
    peer.until('\0');
  });
  gateway.decision.emplace();
  gateway.decision->audit_id = "qry_LOG";
  run([&]() -> Task<> {
    Queries queries(gateway);
    const auto done = co_await queries.run(request(), long_enough);
    EXPECT_EQ(gateway.told.size(), 2u);
    if (gateway.told.size() != 2) co_return;
    for (const ports::Event& event : gateway.told) {
      EXPECT_EQ(event.topic, "queries");
      EXPECT_EQ(event.user, "ana");
      EXPECT_THAT(event.data, StartsWith(R"({"query_id":")" + done.id + R"(","user":"ana","target":"shop","state":")"));
      EXPECT_THAT(event.data, Not(HasSubstr("SELECT")));
    }
    EXPECT_EQ(gateway.told[0].type, "query.start");
    EXPECT_THAT(gateway.told[0].data, EndsWith(R"("state":"running","rows":0})"));
    EXPECT_EQ(gateway.told[1].type, "query.end");
    EXPECT_THAT(gateway.told[1].data, HasSubstr(R"("state":"succeeded","rows":1,"elapsed_ms":)"));
    EXPECT_THAT(gateway.told[1].data, HasSubstr(R"("audit_id":"qry_LOG")"));
  });
}

TEST(Queries, ThoseWhoWatchAreToldOfRefusals) {
  FakeGateway gateway([](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(error("42501", "no") + ready());
    peer.until('\0');
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    static_cast<void>(co_await queries.run(request(), long_enough));
    EXPECT_EQ(gateway.told.back().type, "query.end");
    EXPECT_THAT(gateway.told.back().data, HasSubstr(R"("state":"failed","rows":0,"elapsed_ms":)"));
    EXPECT_THAT(gateway.told.back().data, HasSubstr(R"("sqlstate":"42501")"));
  });
}

TEST(Queries, LeaveRowsBeyondTheCapOnTheServer) {
  FakeGateway gateway([](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(two_columns + row({"1", "a"}) + row({"2", "b"}) + encoded(backend::PortalSuspended{}) + ready());
    peer.until('\0');
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    ports::QueryRequest one = request();
    one.max_rows = 1;
    const auto done = co_await queries.run(std::move(one), long_enough);
    EXPECT_EQ(done.state, QueryState::succeeded);
    EXPECT_EQ(done.results.at(0).rows, 1u);
    EXPECT_TRUE(done.results.at(0).truncated);
    EXPECT_EQ(done.results.at(0).tag, "");
  });
}

TEST(Queries, ThatAreHeldAreAnsweredAtOnce) {
  std::string startup;
  std::mutex mutex;
  std::condition_variable decided;
  bool approved = false;
  FakeGateway* inside = nullptr;
  FakeGateway gateway([&](Peer& peer) {
    peer.greet();
    peer.until('S');
    startup = peer.startup;
    inside->note->ask({"apr_1", true});
    peer.write(notice("held for approval apr_1"));
    std::unique_lock lock(mutex);
    decided.wait(lock, [&approved] { return approved; });
    DecisionNote::Noted noted;
    noted.decision.effect = "allow";
    inside->note->set(noted);
    peer.write(answer(row({"1", "a"}), "SELECT 1"));
    peer.until('\0');
  });
  inside = &gateway;
  run([&]() -> Task<> {
    Queries queries(gateway);
    ports::QueryRequest asked = request();
    asked.timeout = 20'000ms;
    const auto held = co_await queries.run(std::move(asked), 3'600'000ms);
    EXPECT_EQ(held.state, QueryState::held);
    EXPECT_EQ(held.approval, "apr_1");
    EXPECT_EQ(held.ended_us, 0);
    EXPECT_EQ(queries.find({"ana", false}, held.id)->state, QueryState::held);
    {
      const std::lock_guard lock(mutex);
      approved = true;
    }
    decided.notify_all();
    auto now = queries.find({"ana", false}, held.id);
    while (now->ended_us == 0) {
      boost::asio::steady_timer pause(co_await boost::asio::this_coro::executor, 1ms);
      co_await pause.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
      now = queries.find({"ana", false}, held.id);
    }
    EXPECT_EQ(now->state, QueryState::succeeded);
    EXPECT_EQ(now->approval, "apr_1");
  });
  gateway.join();
  EXPECT_EQ(startup.find("dbgate.hold"), std::string::npos);
}

TEST(Queries, ThatDoNotWaitAreRefused) {
  std::string startup;
  FakeGateway* inside = nullptr;
  FakeGateway gateway([&](Peer& peer) {
    peer.greet();
    peer.until('S');
    startup = peer.startup;
    DecisionNote::Noted noted;
    noted.decision.effect = "deny";
    noted.decision.sqlstate = "42501";
    inside->note->ask({"apr_1", false});
    inside->note->set(noted);
    peer.write(error("42501", "needs approval apr_1") + ready());
    peer.until('\0');
  });
  inside = &gateway;
  run([&]() -> Task<> {
    Queries queries(gateway);
    ports::QueryRequest asked = request();
    asked.waits_for_approval = false;
    asked.reason = "the customer asks";
    const auto refused = co_await queries.run(std::move(asked), long_enough);
    EXPECT_EQ(refused.state, QueryState::failed);
    EXPECT_TRUE(refused.failure);
    if (!refused.failure) co_return;
    EXPECT_EQ(refused.failure->kind, QueryFailureKind::approval_required);
    EXPECT_EQ(refused.failure->approval, "apr_1");
  });
  gateway.join();
  using namespace std::string_literals;
  EXPECT_NE(startup.find("dbgate.hold\0refuse\0"s), std::string::npos);
  EXPECT_NE(startup.find("dbgate.reason\0the customer asks\0"s), std::string::npos);
}

TEST(Queries, SendParametersAsText) {
  std::string bind;
  FakeGateway gateway([&](Peer& peer) {
    peer.greet();
    peer.until('S');
    bind = peer.bind;
    peer.write(answer("", "SELECT 0"));
    peer.until('\0');
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    ports::QueryRequest asked = request();
    asked.parameters = {"x'y", std::nullopt, ""};
    co_await queries.run(std::move(asked), long_enough);
  });
  gateway.join();
  using namespace std::string_literals;
  EXPECT_EQ(bind, "\0\0\0\0\0\3\0\0\0\3x'y\xff\xff\xff\xff\0\0\0\0\0\0"s);
}

TEST(Queries, TellWhereAStatementIsWrong) {
  FakeGateway gateway([](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(error("42601", "syntax error at or near \"SELEC\"", "1") + ready());
    peer.until('\0');
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    const auto done = co_await queries.run(request("SELEC"), long_enough);
    EXPECT_EQ(done.state, QueryState::failed);
    EXPECT_EQ(done.failure->kind, QueryFailureKind::statement);
    EXPECT_EQ(done.failure->sqlstate, "42601");
    EXPECT_EQ(done.failure->position, 1);
    const auto opened = co_await queries.stream(request("SELEC"));
    EXPECT_FALSE(opened.stream);
    EXPECT_EQ(opened.query.failure->sqlstate, "42601");
  });
}

TEST(Queries, TellWhenTheGatewayStops) {
  FakeGateway gateway([](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(error("57P01", "terminating connection due to administrator command"));
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    const auto done = co_await queries.run(request(), long_enough);
    EXPECT_EQ(done.failure->kind, QueryFailureKind::unavailable);
  });
}

TEST(Queries, TellADenialFromTheServersOwnRefusal) {
  const auto play = [](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(error("42501", "permission denied for table t") + ready());
    peer.until('\0');
  };
  FakeGateway gateway(play);
  run([&]() -> Task<> {
    Queries queries(gateway);
    auto done = co_await queries.run(request(), long_enough);
    EXPECT_EQ(done.failure->kind, QueryFailureKind::statement);
    ports::DecisionSummary denial;
    denial.effect = "deny";
    denial.rule = "default";
    denial.sqlstate = "42501";
    gateway.decision = DecisionNote::Noted{denial, "qry_audit"};
    done = co_await queries.run(request(), long_enough);
    EXPECT_EQ(done.failure->kind, QueryFailureKind::denied);
    EXPECT_EQ(done.failure->decision->rule, "default");
    EXPECT_EQ(done.audit_id, "qry_audit");
  });
}

TEST(Queries, RefuseWhatCannotBeSent) {
  FakeGateway gateway([](Peer&) {});
  run([&]() -> Task<> {
    Queries queries(gateway);
    const auto kind_of = [&](ports::QueryRequest asked) -> Task<QueryFailureKind> {
      const auto refused = co_await queries.run(std::move(asked), long_enough);
      EXPECT_TRUE(refused.id.empty());
      co_return refused.failure->kind;
    };
    EXPECT_EQ(co_await kind_of(request(std::string("SELECT 1\0; DROP TABLE t", 23))), QueryFailureKind::malformed);
    ports::QueryRequest nul = request();
    nul.parameters = {std::string("a\0b", 3)};
    EXPECT_EQ(co_await kind_of(std::move(nul)), QueryFailureKind::malformed);
    ports::QueryRequest many = request();
    many.parameters.resize(65'536);
    EXPECT_EQ(co_await kind_of(std::move(many)), QueryFailureKind::malformed);
    ports::QueryRequest script = request();
    script.script = true;
    script.parameters = {"1"};
    EXPECT_EQ(co_await kind_of(std::move(script)), QueryFailureKind::malformed);
    gateway.facts.statements = 2;
    EXPECT_EQ(co_await kind_of(request("SELECT 1; SELECT 2")), QueryFailureKind::unsupported);
    gateway.facts = {1, true, false, "BEGIN"};
    EXPECT_EQ(co_await kind_of(request("BEGIN")), QueryFailureKind::unsupported);
    EXPECT_EQ(gateway.entered, 0);
  });
}

TEST(Queries, ARefusedConnectionSaysWhy) {
  FakeGateway gateway([](Peer& peer) {
    peer.packet();
    peer.write(error("53300", "sorry, too many clients already"));
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    auto done = co_await queries.run(request(), long_enough);
    EXPECT_EQ(done.failure->kind, QueryFailureKind::busy);
    EXPECT_EQ(done.failure->message, "sorry, too many clients already");
    ports::QueryRequest elsewhere = request();
    elsewhere.target = "nowhere";
    done = co_await queries.run(std::move(elsewhere), long_enough);
    EXPECT_EQ(done.failure->kind, QueryFailureKind::no_target);
  });
}

TEST(Queries, AreReallyCancelled) {
  FakeGateway* gateway_of = nullptr;
  FakeGateway gateway([&](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(two_columns);
    gateway_of->wait_for_cancel(2);  // the first one came too early for the session
    peer.write(error("57014", "canceling statement due to user request") + ready());
    peer.until('\0');
  });
  gateway_of = &gateway;
  run([&]() -> Task<> {
    Queries queries(gateway);
    auto opened = co_await queries.stream(request());
    EXPECT_TRUE(opened.stream != nullptr);
    if (!opened.stream) co_return;
    const std::string id = opened.stream->id();
    EXPECT_EQ(queries.find({"ana", false}, id)->state, QueryState::running);
    EXPECT_TRUE(queries.cancel({"ana", false}, id));
    EXPECT_TRUE(queries.cancel({"ana", false}, id));
    std::string lines;
    for (;;) {
      const auto more = co_await opened.stream->next(lines);
      if (!more || !*more) break;
    }
    EXPECT_NE(lines.find("\"type\":\"summary\""), std::string::npos) << lines;
    EXPECT_NE(lines.find("\"state\":\"cancelled\""), std::string::npos) << lines;
    EXPECT_EQ(queries.find({"ana", false}, id)->state, QueryState::cancelled);
  });
}

TEST(Queries, EndWhenTheirTimeIsOver) {
  FakeGateway* gateway_of = nullptr;
  FakeGateway gateway([&](Peer& peer) {
    peer.greet();
    peer.until('S');
    gateway_of->wait_for_cancel();
    peer.write(error("57014", "canceling statement due to user request") + ready());
    peer.until('\0');
  });
  gateway_of = &gateway;
  run([&]() -> Task<> {
    Queries queries(gateway);
    ports::QueryRequest asked = request();
    asked.timeout = 30ms;
    const auto done = co_await queries.run(std::move(asked), long_enough);
    EXPECT_EQ(done.state, QueryState::failed);
    EXPECT_EQ(done.failure->kind, QueryFailureKind::timed_out);
  });
}

TEST(Queries, ASessionThatDoesNotListenIsLeft) {
  FakeGateway gateway([&](Peer& peer) { peer.packet(), peer.until('\0'); });  // never lets anybody in
  run([&]() -> Task<> {
    Queries queries(gateway);
    ports::QueryRequest asked = request();
    asked.timeout = 30ms;
    const auto done = co_await queries.run(std::move(asked), long_enough);
    EXPECT_EQ(done.failure->kind, QueryFailureKind::timed_out);
  });
}

TEST(Queries, BytesThatAreNoProtocolEndOneQueryAndNothingElse) {
  using namespace std::string_literals;
  const std::vector<std::string> lies = {"",
                                         "T\0\0\0\1"s,
                                         "D\xff\xff\xff\xff"s,
                                         "T\0\0\0\5\1"s,
                                         row({"1", "2"}),           // before any description
                                         two_columns + row({"1"}),  // too few
                                         two_columns + "D\0\0\0\6\0\1"s,
                                         "E\0\0\0\4"s,
                                         "G\0\0\0\7\0\0\0"s,
                                         "Z\0\0\0\4"s};
  for (const std::string& lie : lies) {
    FakeGateway gateway([&lie](Peer& peer) {
      peer.greet();
      peer.until('S');
      peer.write(lie);
    });
    run([&]() -> Task<> {
      Queries queries(gateway);
      const auto done = co_await queries.run(request(), long_enough);
      EXPECT_EQ(done.state == QueryState::failed, !lie.starts_with('Z')) << lie.size();
    });
  }
}

TEST(Queries, ARowBeyondAllBoundsEndsTheQuery) {
  FakeGateway gateway([](Peer& peer) {
    peer.greet();
    peer.until('S');
    using namespace std::string_literals;
    peer.write(two_columns + "D\x7f\0\0\0"s);
    peer.until('\0');
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    const auto done = co_await queries.run(request(), long_enough);
    EXPECT_EQ(done.failure->kind, QueryFailureKind::too_large);
  });
}

TEST(Queries, NobodyRunsMoreThanTheirShare) {
  FakeGateway gateway([](Peer& peer) { peer.packet(), peer.until('\0'); });
  run([&]() -> Task<> {
    Queries queries(gateway);
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < Registry::most_running; ++i)
      ids.push_back((co_await queries.run(request(), 0ms)).id);
    const auto refused = co_await queries.run(request(), 0ms);
    EXPECT_EQ(refused.failure->kind, QueryFailureKind::busy);
    ports::QueryRequest other = request();
    other.user = "eve";
    ids.push_back((co_await queries.run(std::move(other), 0ms)).id);
    EXPECT_FALSE(ids.back().empty());
    for (const std::string& id : ids)
      queries.cancel({"root", true}, id);
    for (const std::string& id : ids) {
      while (queries.find({"root", true}, id)->ended_us == 0) {
        net::Event turn(co_await boost::asio::this_coro::executor);
        net::Alarm alarm(co_await boost::asio::this_coro::executor, [&turn] { turn.notify(); });
        alarm.set(std::chrono::steady_clock::now() + 5ms);
        co_await turn.wait();
      }
    }
  });
}

TEST(Queries, KeepNoMoreBytesThanTheyMay) {
  std::atomic<bool> cancelled = false;
  FakeGateway* gateway_of = nullptr;
  FakeGateway gateway([&](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(two_columns);
    for (int i = 0; i < 50; ++i)
      peer.write(row({"1", std::string(1'000, 'x')}));
    if (gateway_of->facts.reads_only) {
      gateway_of->wait_for_cancel();
      cancelled = true;
      peer.write(error("57014", "canceling statement due to user request") + ready());
    } else {
      peer.write(complete("INSERT 0 50") + ready());
    }
    peer.until('\0');
  });
  gateway_of = &gateway;
  gateway.allowed.result_bytes = 10'000;
  run([&]() -> Task<> {
    Queries queries(gateway);
    auto done = co_await queries.run(request(), long_enough);
    EXPECT_EQ(done.state, QueryState::succeeded);
    EXPECT_TRUE(done.results.at(0).truncated);
    EXPECT_LT(done.results.at(0).rows, 12u);
    gateway.facts.reads_only = false;  // a cancel would undo what it writes
    done = co_await queries.run(request("INSERT … RETURNING"), long_enough);
    EXPECT_EQ(done.state, QueryState::succeeded);
    EXPECT_TRUE(done.results.at(0).truncated);
    EXPECT_EQ(queries.rows({"ana", false}, done.id, 0, 0, 100)->rows.size(), done.results.at(0).rows);
  });
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(gateway.cancels, 1);
}

}  // namespace
}  // namespace dbgate::queries
