#include "gateway/queries/queries.h"

#include "tests/unit/queries/fake_backend.h"

namespace dbgate::queries {
namespace {

using namespace testing;
using ports::QueryFailureKind;
using ports::QueryState;

const std::string two_columns = description({{"id", 20}, {"mood", 54321}});

ports::QueryRequest request(std::string sql = "SELECT id, mood FROM t") {
  ports::QueryRequest asked;
  asked.user = "ana";
  asked.target = "shop/other";
  asked.sql = std::move(sql);
  return asked;
}

Task<Result<std::string>> all_of(ports::QueryStream& stream) {
  std::string text;
  for (;;) {
    std::string chunk;
    const auto more = co_await stream.next(chunk);
    if (!more) co_return more.error();
    EXPECT_EQ(chunk.empty(), !*more);
    if (!*more) co_return text;
    text += chunk;
  }
}

// Without what differs from run to run.
std::string steady(std::string text, const std::string& id) {
  for (std::size_t at = 0; (at = text.find(id, at)) != std::string::npos;)
    text.replace(at, id.size(), "ID");
  for (const std::string_view key : {"\"created_at\":\"", "\"started_at\":\"", "\"ended_at\":\""}) {
    const std::size_t at = text.find(key);
    if (at != std::string::npos) text.replace(at + key.size(), 27, "T");
  }
  const std::size_t elapsed = text.find("\"elapsed_ms\":");
  if (elapsed != std::string::npos) text.erase(elapsed, text.find(',', elapsed) + 1 - elapsed);
  return text;
}

TEST(NdjsonStream, HasMetaRowsNoticesAndASummary) {
  FakeGateway gateway([](Peer& peer) {
    peer.greet();
    peer.until('S');
    const std::vector<backend::ErrorField> fields = {{'S', "NOTICE"}, {'V', "NOTICE"}, {'C', "00000"}, {'M', "hi"}};
    std::string storage;
    const std::string notice = encoded(backend::NoticeResponse{backend::ErrorFields::lay_out(fields, storage)});
    peer.write(two_columns + row({"1", "ok"}) + row({"9007199254740993", {}}) + notice + row({"3", "\xff"}) +
               complete("SELECT 3") + ready());
    peer.until('\0');
  });
  ports::DecisionSummary allowed;
  allowed.effect = "allow";
  allowed.rule = "read/allow[0]";
  gateway.decision = DecisionNote::Noted{allowed, "qry_audit"};
  run([&]() -> Task<> {
    Queries queries(gateway);
    auto opened = co_await queries.stream(request());
    EXPECT_TRUE(opened.stream != nullptr);
    if (!opened.stream) co_return;
    EXPECT_STREQ(opened.stream->content_type(), "application/x-ndjson");
    const auto text = co_await all_of(*opened.stream);
    EXPECT_EQ(steady(*text, opened.stream->id()),
              R"({"type":"meta","query_id":"ID","target":"shop/other","result":0,"columns":[)"
              R"({"name":"id","type":"int8","type_oid":20},{"name":"mood","type":"shop.mood","type_oid":54321}],)"
              R"("decision":{"effect":"allow","rule":"read/allow[0]","reasons":[]}})"
              "\n"
              R"({"type":"rows","rows":[[1,"ok"],["9007199254740993",null]]})"
              "\n"
              R"({"type":"notice","severity":"NOTICE","sqlstate":"00000","message":"hi"})"
              "\n"
              R"({"type":"rows","rows":[[3,"\ufffd"]]})"
              "\n"
              R"({"type":"summary","id":"ID","state":"succeeded","user":"ana","target":"shop/other",)"
              R"("created_at":"T","started_at":"T","ended_at":"T","audit_id":"qry_audit",)"
              R"("decision":{"effect":"allow","rule":"read/allow[0]","reasons":[]},)"
              R"("rows":3,"truncated":false,"command_tag":"SELECT 3"})"
              "\n");
    EXPECT_FALSE(queries.rows({"ana", false}, opened.stream->id(), 0, 0, 10));
  });
}

TEST(NdjsonStream, AnErrorBehindRowsStandsInTheSummary) {
  FakeGateway gateway([](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(two_columns + row({"1", "ok"}) + error("22012", "division by zero") + ready());
    peer.until('\0');
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    auto opened = co_await queries.stream(request());
    const auto text = co_await all_of(*opened.stream);
    EXPECT_NE(text->find(R"({"type":"rows","rows":[[1,"ok"]]})"), std::string::npos);
    EXPECT_NE(text->find(R"("state":"failed")"), std::string::npos);
    EXPECT_NE(text->find(R"("sqlstate":"22012")"), std::string::npos);
  });
}

TEST(NdjsonStream, AScriptHasAResultForEachStatement) {
  std::string text_sent;
  FakeGateway gateway([&](Peer& peer) {
    peer.greet();
    peer.until('Q');
    text_sent = peer.text;
    peer.write(complete("SET") + two_columns + row({"1", "a"}) + complete("SELECT 1") + two_columns +
               complete("SELECT 0") + ready());
    peer.until('\0');
  });
  gateway.facts.statements = 3;
  run([&]() -> Task<> {
    Queries queries(gateway);
    ports::QueryRequest script = request("SET x = 1; SELECT 1; SELECT 2");
    script.script = true;
    auto opened = co_await queries.stream(std::move(script));
    const auto text = co_await all_of(*opened.stream);
    EXPECT_NE(text->find(R"("result":1)"), std::string::npos) << *text;
    EXPECT_NE(text->find(R"("result":2)"), std::string::npos);
    EXPECT_NE(text->find(R"("rows":1,"truncated":false)"), std::string::npos);
    EXPECT_EQ(queries.find({"ana", false}, opened.stream->id())->results.size(), 3u);
  });
  EXPECT_EQ(text_sent, std::string("SET x = 1; SELECT 1; SELECT 2\0", 30));
}

TEST(NdjsonStream, WhoTakesNoStepMakesTheDatabaseWait) {
  std::atomic<std::size_t> written = 0;
  std::atomic<bool> gone = false;
  FakeGateway gateway([&](Peer& peer) {
    peer.greet();
    peer.until('S');
    peer.write(two_columns);
    const std::string one = row({"1", std::string(10'000, 'x')});
    while (peer.write(one))
      written += one.size();
    gone = true;
  });
  run([&]() -> Task<> {
    Queries queries(gateway);
    gateway.allowed.most_rows = 1'000'000'000;
    ports::QueryRequest many = request();
    many.max_rows = 1'000'000'000;
    auto opened = co_await queries.stream(std::move(many));
    const net::Executor executor = co_await boost::asio::this_coro::executor;
    net::Event turn(executor);
    net::Alarm alarm(executor, [&turn] { turn.notify(); });
    std::size_t before = 0;
    do {  // until it has stopped
      before = written;
      alarm.set(std::chrono::steady_clock::now() + std::chrono::milliseconds(50));
      co_await turn.wait();
    } while (written != before || before == 0);
    EXPECT_LT(before, 2u << 20);
    std::string chunk;
    EXPECT_TRUE(*co_await opened.stream->next(chunk));
    EXPECT_LT(chunk.size(), 200'000u);
    const std::string id = opened.stream->id();
    opened.stream.reset();  // the client has gone
    EXPECT_EQ(queries.find({"ana", false}, id)->state, QueryState::cancelled);
  });
  gateway.join();
  EXPECT_TRUE(gone);
}

TEST(NdjsonStream, IsStoppedWhenItsReaderGoesBeforeItBegins) {
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
    const net::Executor executor = co_await boost::asio::this_coro::executor;
    std::function<void()> stop;
    net::Alarm alarm(executor, [&stop] { stop(); });
    ports::QueryRequest asked = request();
    asked.when_gone = [&](std::function<void()> how) {
      stop = std::move(how);
      alarm.set(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
    };
    const auto opened = co_await queries.stream(std::move(asked));
    EXPECT_FALSE(opened.stream);
    EXPECT_EQ(opened.query.state, QueryState::cancelled);
    stop();
  });
}

class Exports : public ::testing::Test {
 protected:
  FakeGateway gateway{[this](Peer& peer) {
    peer.greet();
    peer.until('S');
    execute = peer.execute;
    peer.write(two_columns + rows + end);
    peer.until('\0');
  }};
  std::string rows = row({"1", "a"}) + row({"2", {}});
  std::string end = complete("SELECT 2") + ready();
  std::string execute;

  // The first run is kept; this is the second.
  Task<ports::QueryOpened> again(Queries& queries, ports::ExportFormat format, std::string user = "ana") {
    const auto done = co_await queries.run(request(), std::chrono::seconds(20));
    ports::ExportRequest asked;
    asked.user = std::move(user);
    asked.id = done.id;
    asked.address = "192.0.2.7";
    asked.options.format = format;
    co_return co_await queries.run_export(std::move(asked));
  }
};

TEST_F(Exports, RunAgainAndAreRecorded) {
  run([&]() -> Task<> {
    Queries queries(gateway);
    auto opened = co_await again(queries, ports::ExportFormat::csv);
    EXPECT_TRUE(opened.stream != nullptr);
    if (!opened.stream) co_return;
    const auto text = co_await all_of(*opened.stream);
    EXPECT_EQ(*text, "id,mood\r\n1,a\r\n2,\r\n");
    EXPECT_EQ(gateway.records.size(), 2u);
    EXPECT_EQ(gateway.records[0].outcome, "started");
    EXPECT_EQ(gateway.records[1].outcome, "ok");
    EXPECT_EQ(gateway.records[1].rows, 2u);
    EXPECT_EQ(gateway.records[1].bytes, text->size());
    EXPECT_EQ(gateway.records[1].user, "ana");
    EXPECT_EQ(gateway.records[1].address, "192.0.2.7");
    EXPECT_EQ(gateway.records[1].query_id, opened.stream->id());
    EXPECT_EQ(gateway.entered, 2);
  });
  EXPECT_EQ(execute.substr(1), std::string("\0\x0f\x42\x41", 4));  // 1000001
}

TEST_F(Exports, AreTheOwnersAndOnlyOfWhatReads) {
  run([&]() -> Task<> {
    Queries queries(gateway);
    auto opened = co_await again(queries, ports::ExportFormat::csv, "eve");
    EXPECT_EQ(opened.query.failure->kind, QueryFailureKind::no_target);
    const auto done = co_await queries.run(request(), std::chrono::seconds(20));
    gateway.facts.reads_only = false;
    ports::ExportRequest asked;
    asked.user = "ana";
    asked.id = done.id;
    opened = co_await queries.run_export(std::move(asked));
    EXPECT_EQ(opened.query.failure->kind, QueryFailureKind::unsupported);
    EXPECT_EQ(gateway.entered, 2);
  });
}

TEST_F(Exports, NothingLeavesThatTheLogDoesNotTake) {
  gateway.log_full = true;
  run([&]() -> Task<> {
    Queries queries(gateway);
    const auto opened = co_await again(queries, ports::ExportFormat::csv);
    EXPECT_FALSE(opened.stream);
    EXPECT_EQ(opened.query.failure->kind, QueryFailureKind::unavailable);
  });
}

TEST_F(Exports, WhatIsNotWholeIsBrokenOff) {
  const auto breaks = [&](const char* why) {
    gateway.records.clear();
    run([&]() -> Task<> {
      Queries queries(gateway);
      auto opened = co_await again(queries, ports::ExportFormat::json);
      EXPECT_TRUE(opened.stream != nullptr) << why;
      if (!opened.stream) co_return;
      const auto text = co_await all_of(*opened.stream);
      EXPECT_FALSE(text) << why;
      EXPECT_EQ(queries.find({"ana", false}, opened.stream->id())->state, QueryState::failed) << why;
    });
    EXPECT_EQ(gateway.records.back().outcome, "error") << why;
  };
  gateway.allowed.export_rows = 1;
  breaks("rows");
  gateway.allowed.export_rows = 10;
  gateway.allowed.export_bytes = 10;
  breaks("bytes");
  gateway.allowed.export_bytes = 1'000;
  end = error("XX000", "could not read block 7") + ready();
  breaks("the server");
}

TEST_F(Exports, AReaderThatGoesIsRecordedToo) {
  run([&]() -> Task<> {
    Queries queries(gateway);
    auto opened = co_await again(queries, ports::ExportFormat::jsonl);
    std::string some;
    EXPECT_TRUE(*co_await opened.stream->next(some));
    opened.stream.reset();
  });
  EXPECT_EQ(gateway.records.size(), 2u);
  EXPECT_EQ(gateway.records.back().outcome, "aborted");
}

}  // namespace
}  // namespace dbgate::queries
