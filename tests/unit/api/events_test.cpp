#include "gateway/api/events.h"

#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>

#include "fakes.h"

namespace dbgate::api {
namespace {

/// Keeps what is written; after `most` pieces the client has gone.
class Pieces final : public BodyWriter {
 public:
  explicit Pieces(std::size_t most) : most_(most) {}
  Task<Result<>> write(std::string_view piece) override {
    text += piece;
    if (++count_ >= most_) co_return Error(sqlstate::connection_failure, "gone");
    if (after_first) std::exchange(after_first, nullptr)();
    co_return boost::system::in_place_value;
  }
  std::string text;
  std::function<void()> after_first;

 private:
  std::size_t most_;
  std::size_t count_ = 0;
};

class Watching : public ::testing::Test {
 protected:
  static ports::Event event(std::string user, std::string n, std::string topic = "sessions") {
    return {std::move(topic), "session.start", std::move(user), {}, "{\"n\":" + n + "}"};
  }
  void settle() {
    stage.context.restart();
    stage.context.run();
  }
  Response open(std::string path, std::string user = "ana", std::string last = {}) {
    Request request = Stage::ask("GET", std::move(path), std::move(user));
    if (!last.empty()) request.headers.add("Last-Event-ID", last);
    return stage.answer(request);
  }
  // What the stream says until it has written `most` pieces.
  std::string read(const Response& response, std::size_t most, std::function<void()> after_first = {}) {
    Pieces pieces(most);
    pieces.after_first = std::move(after_first);
    complete = stage.run(response.stream(pieces));
    return pieces.text;
  }
  static std::string data(const std::string& text) {
    std::string all;
    for (std::size_t at = text.find("{\"n\":"); at != std::string::npos; at = text.find("{\"n\":", at + 1))
      all += text.substr(at + 5, text.find('}', at) - at - 5) + " ";
    return all;
  }
  Stage stage;
  bool complete = false;
};

/// Somebody else watches all the time.
class Watched : public Watching {
 protected:
  EventHub::Watch other{stage.events};
};

TEST_F(Watching, TellsEachTheirOwn) {
  const auto publish = [this] {
    stage.events.publish(event("bob", "1"));
    stage.events.publish(event("ana", "2"));
    stage.events.publish(event("", "3"));
    stage.events.publish(event("ana", "4", "queries"));
  };
  EXPECT_EQ(data(read(open("/api/v1/events"), 2, publish)), "2 4 ");
  EXPECT_EQ(data(read(open("/api/v1/events", "root"), 2, publish)), "1 2 3 4 ");
  EXPECT_EQ(data(read(open("/api/v1/events?topics=queries"), 2, publish)), "4 ");
}

TEST_F(Watching, TellsWhoDidIt) {
  ports::Event change = event("bob", "1", "changes");
  change.by = "ana";
  const auto publish = [&] { stage.events.publish(change); };
  EXPECT_EQ(data(read(open("/api/v1/events"), 2, publish)), "1 ");
  // Nobody is nobody.
  const auto publish_none = [&] {
    stage.events.publish(event("", "2"));
    stage.events.publish(event("ana", "3"));
  };
  EXPECT_EQ(data(read(open("/api/v1/events"), 2, publish_none)), "3 ");
}

TEST_F(Watching, TellsWhomItConcerns) {
  const auto publish = [this] {
    ports::Event asked = event("bob", "1", "approvals");
    asked.groups = {"dba"};
    stage.events.publish(asked);
    asked.groups = {"dba", "analysts"};
    asked.data = "{\"n\":2}";
    stage.events.publish(asked);
    asked.groups = {};
    asked.users = {"carl", "ana"};
    asked.data = "{\"n\":3}";
    stage.events.publish(asked);
  };
  EXPECT_EQ(data(read(open("/api/v1/events"), 2, publish)), "2 3 ");
  EXPECT_EQ(data(read(open("/api/v1/events", "root"), 2, publish)), "1 2 3 ");
}

// What comes faster than it is taken is not kept for later.
TEST_F(Watched, AFloodIsDroppedAndSaysSo) {
  for (std::size_t i = 0; i < 3 * EventHub::most_events; ++i)
    stage.events.publish(event("bob", "1"));
  settle();
  EXPECT_EQ(stage.events.next(), EventHub::most_events + 2) << "those that had room, and one that says so";
  EXPECT_NE(read(open("/api/v1/events", "ana", stage.events.id_of(1)), 2).find("event: missed"), std::string::npos);
  stage.events.publish(event("ana", "2"));
  settle();
  EXPECT_EQ(stage.events.next(), EventHub::most_events + 3) << "said once";
}

TEST_F(Watching, IsServerSentEvents) {
  const Response response = open("/api/v1/events");
  EXPECT_EQ(response.content_type, "text/event-stream");
  const std::string text = read(response, 2, [this] { stage.events.publish(event("ana", "1")); });
  EXPECT_EQ(text, "retry: 2000\nid: " + stage.events.id_of(0) + "\ndata:\n\nid: " + stage.events.id_of(1) +
                      "\nevent: session.start\ndata: {\"n\":1}\n\n");
}

TEST_F(Watching, NothingIsKeptWhileNobodyWatches) {
  stage.events.publish(event("ana", "1"));
  settle();
  EXPECT_EQ(stage.events.first(), stage.events.next());
  const std::string before = stage.events.id_of(stage.events.next() - 1);
  // From the first who watches on, and for a while after the last has gone.
  EXPECT_EQ(data(read(open("/api/v1/events"), 2, [this] { stage.events.publish(event("ana", "2")); })), "2 ");
  const std::string seen = stage.events.id_of(stage.events.next() - 1);
  stage.events.publish(event("ana", "3"));
  settle();
  EXPECT_EQ(data(read(open("/api/v1/events", "ana", seen), 2)), "3 ");
  EXPECT_NE(read(open("/api/v1/events", "ana", before), 1).find("event: missed"), std::string::npos);
}

TEST_F(Watched, GoesOnWhereTheClientWas) {
  for (int i = 1; i <= 5; ++i)
    stage.events.publish(event("ana", std::to_string(i)));
  settle();
  EXPECT_EQ(data(read(open("/api/v1/events", "ana", stage.events.id_of(3)), 2)), "4 5 ");
  EXPECT_EQ(data(read(open("/api/v1/events?last_event_id=" + stage.events.id_of(4)), 2)), "5 ");
}

TEST_F(Watched, SaysWhatIsNotKept) {
  for (std::size_t i = 0; i < EventHub::most_events + 10; ++i) {
    stage.events.publish(event("ana", "1"));
    settle();
  }
  EXPECT_EQ(stage.events.next() - stage.events.first(), EventHub::most_events);
  for (const std::string& id :
       {stage.events.id_of(3), stage.events.id_of(1'000'000), std::string("0000000000000000-1"), std::string("x")})
    EXPECT_NE(read(open("/api/v1/events", "ana", id), 1).find("event: missed"), std::string::npos) << id;
  EXPECT_EQ(read(open("/api/v1/events", "ana", stage.events.id_of(100)), 1).find("missed"), std::string::npos);
}

TEST_F(Watching, SlowReadersAreCutOff) {
  const auto flood = [this] {
    for (std::size_t i = 0; i <= EventHub::most_events; ++i)
      stage.events.publish(event("ana", "1"));
  };
  const std::string text = read(open("/api/v1/events"), 100, flood);
  EXPECT_FALSE(complete) << "the client must see that something is missing";
  EXPECT_EQ(data(text), "");
}

TEST_F(Watching, EndsWithTheHub) {
  read(open("/api/v1/events"), 100, [this] { stage.events.close(); });
  EXPECT_TRUE(complete);
}

TEST_F(Watching, TopicsAreAClosedSet) {
  for (const char* topics : {"", "other", "sessions,", "sessions,other", ",",
                             "sessions,sessions,sessions,sessions,sessions,sessions,sessions"})
    EXPECT_EQ(code_of(open(std::string("/api/v1/events?topics=") + topics)), "bad_request") << topics;
  EXPECT_EQ(code_of(open("/api/v1/events", "")), "not_authenticated");
  EXPECT_EQ(code_of(open("/api/v1/events/ws")), "upgrade_required");
}

TEST_F(Watched, LineEndsCannotForgeEvents) {
  ports::Event forged = event("ana", "1");
  forged.data = "{}\n\nevent: session.end";
  stage.events.publish(forged);
  settle();
  EXPECT_EQ(stage.events.next(), 1u);
}

TEST_F(Watched, MemoryIsBounded) {
  for (int i = 0; i < 100; ++i) {
    ports::Event large = event("ana", "1");
    large.data = "\"" + std::string(200'000, 'x') + "\"";
    stage.events.publish(large);
  }
  settle();
  EXPECT_LE((stage.events.next() - stage.events.first()) * 200'000, EventHub::most_bytes);
}

}  // namespace
}  // namespace dbgate::api
