#include <gmock/gmock.h>

#include "protocol/postgres/backend_messages.h"
#include "tests/unit/session/relay_lab.h"

// LISTEN where server connections are shared: another connection listens, and the relay says when the client is told.
namespace dbgate::session {
namespace {

using testing::ElementsAre;

class ListeningLab : public RelayLab {
 public:
  explicit ListeningLab(Cut cut = {}) : RelayLab(cut, {}, false, Sharing::transaction) { free_server = &first; }

  /// A text succeeds, each of its statements with its own tag.
  ListeningLab& ok(const std::string& text, const std::vector<std::string>& tags, char status = 'I') {
    client(frontend::query(text));
    std::string answers;
    for (const std::string& tag : tags)
      answers += backend::complete(tag);
    server(answers + backend::ready(status));
    return *this;
  }
  /// Another connection has heard something. @return whether it was taken
  bool notify(const std::string& channel, const std::string& payload) {
    const protocol::backend::NotificationResponse said{7, channel, payload};
    return relay.take_notification(
        std::make_shared<const upstream::Notification>(upstream::Notification{channel, protocol::encoded(said)}));
  }
  /// What the client can be told now, without a word of the server's.
  std::string tell() {
    Outgoing told;
    if (relay.may_tell()) relay.tell_notifications(told);
    std::string bytes;
    for (const iovec& piece : told.pieces())
      bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    return at_client() + show(bytes, false);
  }
  void quiet() {
    at_client();
    at_server();
  }

  upstream::ServerMemory first;
};

TEST(ListeningRelay, ListensElsewhereBeforeTheServerIsAsked) {
  ListeningLab lab;
  lab.may_listen = false;
  lab.client(frontend::query("LISTEN a"));
  EXPECT_EQ(lab.at_client(), "E(53300 nobody listens) Z(I)");
  EXPECT_EQ(lab.at_server(), "");
  lab.may_listen = true;
  lab.ok("LISTEN a; LISTEN b", {"LISTEN", "LISTEN"});
  EXPECT_THAT(lab.channels, ElementsAre("a", "b"));
  EXPECT_EQ(lab.at_server(), "Q(LISTEN a; LISTEN b)");
  EXPECT_EQ(lab.at_client(), "C(LISTEN) C(LISTEN) Z(I)");
  EXPECT_TRUE(lab.relay.pins().none());
  EXPECT_TRUE(lab.first.listens);
  lab.ok("LISTEN a", {"LISTEN"});
  EXPECT_THAT(lab.channels, ElementsAre("a", "b")) << "once is enough";
}

TEST(ListeningRelay, TellsAClientThatIsOutsideOfTransactions) {
  ListeningLab lab;
  lab.ok("LISTEN a", {"LISTEN"}).quiet();
  lab.notify("a", "1");
  lab.notify("b", "never");
  EXPECT_EQ(lab.tell(), "A");
  lab.ok("BEGIN", {"BEGIN"}, 'T').quiet();
  lab.notify("a", "2");
  EXPECT_EQ(lab.tell(), "");
  lab.ok("SELECT 1", {"SELECT 1"}, 'T');
  EXPECT_EQ(lab.at_client(), "C(SELECT 1) Z(T)");
  lab.ok("COMMIT", {"COMMIT"});
  EXPECT_EQ(lab.at_client(), "C(COMMIT) A Z(I)");
  lab.client(frontend::parse("", "SELECT 1") + frontend::flush);
  lab.notify("a", "3");
  EXPECT_EQ(lab.tell(), "") << "not synced";
}

TEST(ListeningRelay, TellsNothingWhileSomethingIsUnderWay) {
  ListeningLab lab;
  lab.ok("LISTEN a", {"LISTEN"}).quiet();
  lab.client(frontend::query("SELECT 1") + frontend::query("SELECT 2"));
  lab.server(backend::rows());
  lab.notify("a", "1");
  EXPECT_EQ(lab.tell(), "T");
  lab.server(backend::complete("SELECT 1") + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "C(SELECT 1) A Z(I)");
  lab.notify("a", "2");
  EXPECT_EQ(lab.tell(), "");
  lab.server(backend::complete("SELECT 2") + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "C(SELECT 2) A Z(I)");
}

TEST(ListeningRelay, LetsChannelsGoThatNoTransactionHasMadeItsOwn) {
  ListeningLab lab;
  lab.ok("BEGIN", {"BEGIN"}, 'T').ok("LISTEN a", {"LISTEN"}, 'T').quiet();
  EXPECT_THAT(lab.channels, ElementsAre("a"));
  lab.notify("a", "too early");
  lab.ok("SELECT 1", {"SELECT 1"}, 'T');
  lab.ok("COMMIT", {"COMMIT"});
  EXPECT_EQ(lab.at_client(), "C(SELECT 1) Z(T) C(COMMIT) Z(I)") << "said before it listened";
  EXPECT_THAT(lab.channels, ElementsAre("a"));
  lab.ok("BEGIN; LISTEN b; SAVEPOINT s; UNLISTEN *; ROLLBACK TO s; LISTEN c; ROLLBACK",
         {"BEGIN", "LISTEN", "SAVEPOINT", "UNLISTEN", "ROLLBACK", "LISTEN", "ROLLBACK"});
  EXPECT_THAT(lab.channels, ElementsAre("a"));
  lab.client(frontend::query("LISTEN d; SELECT 1/0"));
  lab.server(backend::complete("LISTEN") + backend::error("22012") + backend::ready('I'));
  EXPECT_THAT(lab.channels, ElementsAre("a"));
  lab.ok("UNLISTEN a", {"UNLISTEN"});
  EXPECT_THAT(lab.channels, ElementsAre());
  lab.ok("LISTEN a", {"LISTEN"}).ok("DISCARD ALL", {"DISCARD ALL"});
  lab.server(backend::complete("RESET") + backend::complete("SET") + backend::ready('I'));
  EXPECT_THAT(lab.channels, ElementsAre());
}

// What was committed before UNLISTEN was sent is told before that is answered, wherever it was on its way.
TEST(ListeningRelay, TellsWhatCameBeforeUnlisten) {
  for (const char* text : {"UNLISTEN a", "UNLISTEN *", "DISCARD ALL"}) {
    ListeningLab lab;
    lab.ok("LISTEN a", {"LISTEN"}).quiet();
    lab.catching_up = [&] {
      EXPECT_EQ(lab.at_server(), "");
      lab.notify("a", "late");
    };
    lab.client(frontend::query(text));
    EXPECT_EQ(lab.at_client(), "A");
    EXPECT_EQ(lab.at_server(), "Q(" + std::string(text) + ")");
    EXPECT_THAT(lab.channels, ElementsAre("a"));
    lab.server(backend::complete(text) + backend::ready('I'));
    if (text == std::string("DISCARD ALL")) {  // and what dbgate says behind it
      lab.server(backend::complete("RESET") + backend::complete("SET") + backend::ready('I'));
    }
    EXPECT_THAT(lab.channels, ElementsAre());
  }
}

TEST(ListeningRelay, CatchesUpInPipelinesAndTransactions) {
  ListeningLab lab;
  lab.ok("LISTEN a", {"LISTEN"}).quiet();
  lab.catching_up = [&] { lab.notify("a", "late"); };
  lab.client(frontend::query("SELECT 1") + frontend::query("UNLISTEN a"));
  EXPECT_EQ(lab.at_server(), "Q(SELECT 1)") << "a session's own come with the answer";
  lab.server(backend::complete("SELECT 1") + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "C(SELECT 1) Z(I) A");
  EXPECT_EQ(lab.at_server(), "Q(UNLISTEN a)");
  lab.server(backend::complete("UNLISTEN") + backend::ready('I'));

  lab.ok("LISTEN a", {"LISTEN"}).quiet();
  lab.client(frontend::parse("", "UNLISTEN a") + frontend::bind("", "") + frontend::execute("") + frontend::sync);
  EXPECT_EQ(lab.at_server(), "P(,UNLISTEN a) B(,) H");
  lab.server(backend::parse_complete + backend::bind_complete);
  EXPECT_EQ(lab.at_client(), "1 2 A");
  EXPECT_EQ(lab.at_server(), "E() S");
  lab.server(backend::complete("UNLISTEN") + backend::ready('I'));

  lab.ok("LISTEN a", {"LISTEN"}).ok("BEGIN", {"BEGIN"}, 'T').quiet();
  lab.ok("UNLISTEN a", {"UNLISTEN"}, 'T');
  EXPECT_EQ(lab.at_client(), "C(UNLISTEN) Z(T)") << "nothing arrives in a transaction";
  lab.ok("COMMIT", {"COMMIT"});
  EXPECT_EQ(lab.at_client(), "C(COMMIT) A Z(I)");
  EXPECT_THAT(lab.channels, ElementsAre());
}

// What is committed after LISTEN must not be lost, however late its answer is read.
TEST(ListeningRelay, KeepsWhatComesBeforeTheAnswer) {
  ListeningLab lab;
  lab.client(frontend::query("LISTEN a"));
  lab.notify("a", "1");
  lab.server(backend::complete("LISTEN") + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "C(LISTEN) A Z(I)");
  lab.client(frontend::query("BEGIN") + frontend::query("LISTEN b") + frontend::query("COMMIT"));
  lab.notify("b", "1");
  lab.server(backend::complete("BEGIN") + backend::ready('T') + backend::complete("LISTEN") + backend::ready('T'));
  lab.server(backend::complete("COMMIT") + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "C(BEGIN) Z(T) C(LISTEN) Z(T) C(COMMIT) A Z(I)");
}

TEST(ListeningRelay, ListensWhenAPreparedStatementRuns) {
  ListeningLab lab;
  lab.client(frontend::parse("s", "LISTEN a") + frontend::sync);
  lab.server(backend::parse_complete + backend::ready('I'));
  EXPECT_THAT(lab.channels, ElementsAre());
  lab.client(frontend::bind("", "s") + frontend::execute("") + frontend::sync);
  EXPECT_THAT(lab.channels, ElementsAre("a"));
  lab.server(backend::bind_complete + backend::complete("LISTEN") + backend::ready('I'));
  lab.quiet();
  lab.notify("a", "1");
  EXPECT_EQ(lab.tell(), "A");
}

TEST(ListeningRelay, DropsWhatTheSharedConnectionHears) {
  ListeningLab lab;
  lab.ok("LISTEN a", {"LISTEN"}).quiet();
  const std::string heard = protocol::encoded(protocol::backend::NotificationResponse{7, "a", "1"});
  lab.server(heard);
  lab.client(frontend::query("SELECT 1")).server(heard + backend::complete("SELECT 1") + heard + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "C(SELECT 1) Z(I)");
}

TEST(ListeningRelay, KeepsSoMuchForAClient) {
  ListeningLab lab;
  lab.ok("LISTEN a", {"LISTEN"}).ok("BEGIN", {"BEGIN"}, 'T');
  const std::string payload(7900, 'x');
  std::size_t taken = 0;
  while (lab.notify("a", payload) && taken < 2 * Inbox::most_bytes)
    taken += payload.size();
  EXPECT_GT(taken, Inbox::most_bytes * 9 / 10);
  EXPECT_LE(taken, Inbox::most_bytes);
  lab.relay.close_inbox();
  EXPECT_TRUE(lab.notify("a", payload)) << "and drops it";
  lab.quiet();
  lab.ok("COMMIT", {"COMMIT"});
  EXPECT_EQ(lab.at_client(), "C(COMMIT) Z(I)");
}

TEST(ListeningRelay, TellsNothingThatMayNotBeHeardAnyMore) {
  ListeningLab lab;
  lab.ok("LISTEN a; LISTEN b", {"LISTEN", "LISTEN"}).ok("BEGIN", {"BEGIN"}, 'T').quiet();
  lab.notify("a", "before");
  lab.judge.unheard.insert("a");
  lab.ok("COMMIT", {"COMMIT"});
  EXPECT_EQ(lab.at_client(), "C(COMMIT) Z(I)") << "it waited";
  EXPECT_THAT(lab.channels, ElementsAre("a", "b"));
  EXPECT_TRUE(lab.notify("a", "after"));
  EXPECT_EQ(lab.tell(), "");
  EXPECT_THAT(lab.channels, ElementsAre("b")) << "nobody need listen any more";
  lab.notify("b", "others");
  EXPECT_EQ(lab.tell(), "A");
  lab.judge.unheard.clear();
  lab.notify("a", "later");
  EXPECT_EQ(lab.tell(), "") << "until it listens again";
  lab.ok("LISTEN a", {"LISTEN"}).quiet();
  EXPECT_THAT(lab.channels, ElementsAre("b", "a"));
  lab.notify("a", "again");
  EXPECT_EQ(lab.tell(), "A");
}

TEST(ListeningRelay, KeepsNothingForGoodThatMayNotBeHeardAnyMore) {
  ListeningLab lab;
  lab.ok("LISTEN a", {"LISTEN"}).quiet();
  lab.client(frontend::query("SELECT 1"));
  lab.notify("a", "1");
  lab.relay.caught_up();
  lab.judge.unheard.insert("a");
  lab.server(backend::complete("SELECT 1") + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "C(SELECT 1) Z(I)");
}

TEST(ListeningRelay, HoldsSoManyChannels) {
  ListeningLab lab;
  for (std::size_t i = 0; i < Inbox::most_channels; ++i)
    lab.ok("LISTEN c" + std::to_string(i), {"LISTEN"});
  lab.quiet();
  lab.client(frontend::query("LISTEN more"));
  EXPECT_EQ(lab.at_client().substr(0, 8), "E(53400 ");
  lab.ok("UNLISTEN c7", {"UNLISTEN"}).ok("LISTEN more", {"LISTEN"});
  EXPECT_EQ(lab.channels.back(), "more");
}

}  // namespace
}  // namespace dbgate::session
