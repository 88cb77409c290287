#include <gtest/gtest.h>

#include "tests/unit/session/relay_lab.h"

// Server connections that change hands: names, replays, and what is told to whom.
namespace dbgate::session {
namespace {

/// A session over server connections that a test takes away from it.
class PooledLab : public RelayLab {
 public:
  explicit PooledLab(Sharing sharing = Sharing::transaction) : RelayLab({}, {}, false, sharing) {
    free_server = &first;
  }

  /// The next message finds another server connection.
  void move_to(upstream::ServerMemory& other) {
    ASSERT_TRUE(relay.at_rest());
    relay.detach_server();
    free_server = &other;
  }
  PooledLab& prepare(const std::string& name, const std::string& text) {
    client(frontend::parse(name, text) + frontend::sync);
    server(backend::parse_complete + backend::ready('I'));
    at_client();
    at_server();
    return *this;
  }

  upstream::ServerMemory first, second;
};

std::string run(const std::string& name) {
  return frontend::bind("", name) + frontend::execute("") + frontend::sync;
}
const std::string answers = backend::bind_complete + backend::complete("SELECT 1") + backend::ready('I');

TEST(PooledRelay, AsksForAServerConnectionWhenItNeedsOne) {
  PooledLab lab;
  lab.client(frontend::sync + frontend::flush);
  EXPECT_EQ(lab.at_client(), "Z(I)") << "that needs none";
  EXPECT_EQ(lab.lent, 0u);
  lab.client(frontend::query("SELECT 1"));
  EXPECT_EQ(lab.lent, 1u);
  EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
  EXPECT_FALSE(lab.relay.at_rest());
  lab.server(backend::complete("SELECT 1") + backend::ready('T'));
  EXPECT_FALSE(lab.relay.at_rest()) << "in a transaction";
  lab.client(frontend::query("COMMIT")).server(backend::complete("COMMIT") + backend::ready('I'));
  EXPECT_TRUE(lab.relay.at_rest());
  lab.client(frontend::query("SELECT 2"));
  EXPECT_EQ(lab.lent, 1u) << "kept";
}

TEST(PooledRelay, GivesStatementsNamesOfItsOwn) {
  PooledLab lab;
  lab.client(frontend::parse("s", "SELECT 1") + frontend::describe('S', "s") + run("s"));
  EXPECT_EQ(lab.at_server(), "P(dbgate:1,SELECT 1) D(S dbgate:1) B(,dbgate:1) E() S");
  lab.server(backend::parse_complete + backend::plain('t') + backend::no_data + answers);
  EXPECT_EQ(lab.at_client(), "1 t n 2 C(SELECT 1) Z(I)");
  lab.client(run("s"));
  EXPECT_EQ(lab.at_server(), "B(,dbgate:1) E() S");
}

TEST(PooledRelay, BringsStatementsAlong) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  lab.move_to(lab.second);
  lab.client(run("s"));
  EXPECT_EQ(lab.at_server(), "P(dbgate:1,SELECT 1) B(,dbgate:1) E() S");
  lab.server(backend::parse_complete + answers);
  EXPECT_EQ(lab.at_client(), "2 C(SELECT 1) Z(I)") << "the client asked for no Parse";
  lab.move_to(lab.first);
  lab.client(run("s"));
  EXPECT_EQ(lab.at_server(), "B(,dbgate:1) E() S") << "it is still there";
}

TEST(PooledRelay, PassesOnWhyAStatementCannotBeBrought) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  lab.move_to(lab.second);
  lab.client(run("s")).server(backend::error("42P01") + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "E(42P01 server) Z(I)");
  EXPECT_EQ(lab.second.statements.size(), 0u);
  lab.at_server();
  lab.client(run("s"));
  EXPECT_EQ(lab.at_server(), "P(dbgate:2,SELECT 1) B(,dbgate:2) E() S") << "and tries again";
}

TEST(PooledRelay, BringsTheUnnamedStatementAlong) {
  PooledLab lab;
  lab.prepare("", "SELECT 1");
  lab.client(run(""));
  EXPECT_EQ(lab.at_server(), "B(,) E() S");
  lab.server(answers).at_client();
  lab.move_to(lab.second);
  lab.client(run(""));
  EXPECT_EQ(lab.at_server(), "P(,SELECT 1) B(,) E() S");
  lab.server(backend::parse_complete + answers);
  EXPECT_EQ(lab.at_client(), "2 C(SELECT 1) Z(I)");
  upstream::ServerMemory used_by_another;
  used_by_another.unnamed = std::make_shared<const upstream::StatementKey>("SELECT 2");
  lab.move_to(used_by_another);
  lab.client(run(""));
  EXPECT_EQ(lab.at_server(), "P(,SELECT 1) B(,) E() S");
}

TEST(PooledRelay, ParsesAnewWhatAnotherHasParsed) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  lab.client(frontend::parse("t", "SELECT 1") + frontend::sync);
  EXPECT_EQ(lab.at_server(), "P(dbgate:2,SELECT 1) S") << "its result may be another today";
  lab.server(backend::parse_complete + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "1 Z(I)");
  lab.client(frontend::parse("u", "SELECT 3") + frontend::sync);
  EXPECT_EQ(lab.at_server(), "C(S dbgate:1) P(dbgate:3,SELECT 3) S") << "and nobody needs the first";
  lab.server(backend::close_complete + backend::parse_complete + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "1 Z(I)");
}

TEST(PooledRelay, RefusesANameThatIsTaken) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  lab.client(frontend::parse("s", "SELECT 2") + frontend::sync);
  EXPECT_EQ(lab.at_client(), "E(42P05 prepared statement \"s\" already exists) Z(I)");
  EXPECT_EQ(lab.at_server(), "");
}

TEST(PooledRelay, ClosesWhatTheServerHasUnderItsName) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  lab.client(frontend::close('S', "s") + frontend::close('S', "never") + frontend::sync);
  EXPECT_EQ(lab.at_server(), "C(S dbgate:1) C(S dbgate:none) S");
  lab.server(backend::close_complete + backend::close_complete + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "3 3 Z(I)");
  lab.client(run("s"));
  EXPECT_EQ(lab.at_client().substr(0, 8), "E(26000 ");
}

TEST(PooledRelay, DeallocatesNamesThatTheServerDoesNotKnow) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  lab.client(frontend::query("DEALLOCATE s"));
  EXPECT_EQ(lab.at_server(), "Q(UNLISTEN \"?\")");
  lab.server(backend::complete("UNLISTEN") + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "C(DEALLOCATE) Z(I)");
  lab.client(run("s"));
  EXPECT_EQ(lab.at_client().substr(0, 8), "E(26000 ");
  lab.client(frontend::query("DEALLOCATE s"));
  EXPECT_EQ(lab.at_server(), "Q(DEALLOCATE s)") << "the server knows best what to say of that";
}

TEST(PooledRelay, DeallocatesNamesInTheMiddleOfAText) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  lab.client(frontend::query("SAVEPOINT a;DEALLOCATE \"s\";RELEASE a; DEALLOCATE s"));
  EXPECT_EQ(lab.at_server(), "Q(SAVEPOINT a;UNLISTEN \"?\"  ;RELEASE a; DEALLOCATE s)")
      << "positions stay as they were";
  lab.server(backend::complete("SAVEPOINT") + backend::complete("UNLISTEN") + backend::complete("RELEASE"));
  EXPECT_EQ(lab.at_client(), "C(SAVEPOINT) C(DEALLOCATE) C(RELEASE)");
  lab.server(backend::error("26000") + backend::ready('I'));
  lab.at_client();
  lab.client(run("s"));
  EXPECT_EQ(lab.at_client().substr(0, 8), "E(26000 ") << "what was deallocated stays so";
}

TEST(PooledRelay, KeepsNamesThatATextDidNotComeTo) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  lab.client(frontend::query("SELECT 1/0; DEALLOCATE s")).server(backend::error("22012") + backend::ready('I'));
  lab.at_server();
  lab.client(run("s"));
  EXPECT_EQ(lab.at_server(), "B(,dbgate:1) E() S");
}

TEST(PooledRelay, ForgetsEverythingWithDiscardAll) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  lab.client(frontend::query("SET a.b = 'c'")).server(backend::complete("SET") + backend::ready('I'));
  EXPECT_EQ(lab.relay.settings()->size(), 1u);
  EXPECT_EQ(lab.first.settings, lab.relay.settings());
  lab.at_server();
  lab.client(frontend::query("DISCARD ALL") + frontend::query("SELECT 1"));
  lab.server(backend::complete("DISCARD ALL") + backend::ready('I'));
  EXPECT_EQ(lab.at_server(), "Q(DISCARD ALL) Q(RESET ROLE; SET application_name TO '')") << "nothing overtakes that";
  EXPECT_EQ(lab.first.statements.size(), 0u);
  EXPECT_EQ(lab.relay.settings(), nullptr);
  EXPECT_EQ(lab.first.settings, nullptr);
  lab.at_client();
  lab.server(backend::complete("RESET") + backend::complete("SET") + backend::ready('I'));
  EXPECT_EQ(lab.at_client(), "");
  EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
}

TEST(PooledRelay, WaitsWhereOnlyTheServerKnowsWhetherAStatementIsThere) {
  PooledLab lab;
  lab.client(frontend::parse("s", "SELECT 1") + frontend::sync + run("s"));
  EXPECT_EQ(lab.at_server(), "P(dbgate:1,SELECT 1) S");
  lab.server(backend::parse_complete + backend::ready('I'));
  EXPECT_EQ(lab.at_server(), "B(,dbgate:1) E() S");
}

TEST(PooledRelay, IsBoundByWhatStaysOnTheServer) {
  PooledLab lab;
  lab.client(frontend::query("PREPARE p AS SELECT 1"));
  EXPECT_EQ(names_of(lab.relay.pins()), "PREPARE");
  lab.server(backend::complete("PREPARE") + backend::ready('I'));
  EXPECT_TRUE(lab.relay.at_rest());
  lab.client(frontend::query("DEALLOCATE ALL")).server(backend::complete("DEALLOCATE ALL") + backend::ready('I'));
  EXPECT_EQ(names_of(lab.relay.pins()), "");
}

const std::string one_column =
    MessageText('T').int16(1).string("a").int32(0).int16(0).int32(23).int16(4).int32(-1).int16(0);

TEST(PooledRelay, AsksAServerWhatAStatementReturnsThere) {
  PooledLab lab;
  lab.client(frontend::parse("s", "SELECT 1") + frontend::describe('S', "s") + frontend::sync);
  lab.server(backend::parse_complete + backend::plain('t') + one_column + backend::ready('I'));
  lab.client(run("s")).server(answers);
  EXPECT_EQ(lab.at_server(), "P(dbgate:1,SELECT 1) D(S dbgate:1) S B(,dbgate:1) E() S") << "nothing to ask here";
  EXPECT_EQ(lab.at_client(), "1 t T Z(I) 2 C(SELECT 1) Z(I)");
  lab.move_to(lab.second);
  for (int time = 0; time < 2; ++time) {
    lab.client(run("s"));
    EXPECT_EQ(lab.at_server(), time == 0 ? "P(dbgate:1,SELECT 1) D(S dbgate:1) H" : "B(,dbgate:1) E() S");
    if (time == 0) lab.server(backend::parse_complete + backend::plain('t') + one_column);
    EXPECT_EQ(lab.at_server(), time == 0 ? "B(,dbgate:1) E() S" : "");
    lab.server(answers);
    EXPECT_EQ(lab.at_client(), "2 C(SELECT 1) Z(I)");
  }
}

TEST(PooledRelay, RunsNothingThatReturnsWhatTheClientDoesNotExpect) {
  for (const bool portal : {false, true}) {
    PooledLab lab;
    const std::string bind = frontend::bind("", "s");
    const std::string described = portal ? bind + frontend::describe('P', "") : frontend::describe('S', "s");
    lab.client(frontend::parse("s", "SELECT 1") + described + frontend::sync);
    lab.server(backend::parse_complete + (portal ? backend::bind_complete : backend::plain('t')) + one_column +
               backend::ready('I'));
    lab.move_to(lab.second);
    lab.at_client();
    lab.at_server();
    for (int time = 0; time < 2; ++time) {
      lab.client(run("s"));
      lab.server(backend::parse_complete + backend::plain('t') + backend::no_data);  // parsed anew each time
      EXPECT_EQ(lab.at_server().find("B("), std::string::npos);
      lab.server(backend::syntax_error + backend::ready('I'));
      EXPECT_EQ(lab.at_client(), "E(0A000 cached plan must not change result type) Z(I)");
    }
    lab.move_to(lab.first);
    lab.client(run("s"));
    EXPECT_EQ(lab.at_server(), "B(,dbgate:1) E() S");
  }
}

TEST(PooledRelay, SaysSoWhenThereIsNoServerConnection) {
  PooledLab lab;
  lab.free_server = nullptr;
  lab.client(frontend::query("SELECT 1"));
  EXPECT_EQ(lab.at_client(), "E(53300 none free) Z(I)");
  lab.client(frontend::parse("", "SELECT 1") + run(""));
  EXPECT_EQ(lab.at_client(), "E(53300 none free) Z(I)");
  lab.free_server = &lab.first;
  lab.client(frontend::query("SELECT 1"));
  EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
  EXPECT_EQ(lab.audit(), "q1 allow simple SELECT 1\n") << "what is not run is not recorded as such";
}

TEST(PooledRelay, KeepsTheEndOfAnUnusedServerConnectionToItself) {
  PooledLab lab;
  lab.client(frontend::query("SELECT 1")).server(backend::complete("SELECT 1") + backend::ready('I'));
  lab.at_client();
  lab.server(backend::error("57P01", "FATAL"));
  EXPECT_EQ(lab.at_client(), "");
  EXPECT_FALSE(lab.relay.server_said_why());
}

TEST(PooledRelay, RefusesBlocksWhereItPoolsByStatement) {
  PooledLab lab(Sharing::statement);
  lab.client(frontend::query("BEGIN"));
  EXPECT_EQ(lab.at_client().substr(0, 8), "E(0A000 ");
  lab.client(frontend::parse("", "START TRANSACTION") + frontend::sync);
  EXPECT_EQ(lab.at_client().substr(0, 8), "E(0A000 ");
  lab.client(frontend::query("SELECT 1; SELECT 2"));
  EXPECT_EQ(lab.at_server(), "Q(SELECT 1; SELECT 2)");
}

TEST(PooledRelay, AnswersDenialsAsBefore) {
  PooledLab lab;
  lab.client(frontend::query("SELECT * FROM secret"));
  EXPECT_EQ(lab.at_client().substr(0, 8), "E(42501 ");
  EXPECT_EQ(lab.at_server(), "");
  lab.client(frontend::parse("s", "SELECT * FROM secret") + run("s"));
  EXPECT_EQ(lab.at_client().substr(0, 8), "E(42501 ");
  EXPECT_EQ(lab.at_server(), "");
}

/// Another relay that goes on where the first has stopped.
class WokenLab : public PooledLab {
 public:
  explicit WokenLab(PooledLab& before) {
    EXPECT_TRUE(before.relay.may_rest());
    if (const auto rest = before.relay.take_rest()) relay.go_on_from(std::move(*rest));
    free_server = &before.first;
  }
};

TEST(PooledRelay, RestsWhereNothingIsUnderWay) {
  PooledLab lab;
  EXPECT_TRUE(lab.relay.may_rest()) << "has not begun";
  lab.client(frontend::query("SELECT 1"));
  EXPECT_FALSE(lab.relay.may_rest()) << "runs";
  lab.server(backend::complete("SELECT 1") + backend::ready('I'));
  EXPECT_TRUE(lab.relay.may_rest());
  EXPECT_EQ(lab.relay.take_rest(), nullptr) << "nothing lasts";
  lab.client(frontend::query("BEGIN")).server(backend::complete("BEGIN") + backend::ready('T'));
  lab.at_client();
  EXPECT_FALSE(lab.relay.may_rest()) << "in a transaction";
  lab.client(frontend::query("ROLLBACK")).server(backend::complete("ROLLBACK") + backend::ready('I'));
  lab.at_client();
  EXPECT_TRUE(lab.relay.may_rest());
  lab.client(frontend::parse("s", "SELECT 1")).server(backend::parse_complete);
  lab.at_client();
  EXPECT_FALSE(lab.relay.may_rest()) << "before Sync";
}

TEST(PooledRelay, DoesNotRestWhileItIsBoundToItsServer) {
  PooledLab lab;
  EXPECT_TRUE(lab.relay.may_rest());
  lab.client(frontend::query("PREPARE mine AS SELECT 1")).server(backend::complete("PREPARE") + backend::ready('I'));
  lab.at_client();
  EXPECT_TRUE(lab.relay.pins().any());
  EXPECT_FALSE(lab.relay.may_rest());
  RelayLab alone;
  EXPECT_FALSE(alone.relay.may_rest()) << "a server connection of its own";
}

TEST(PooledRelay, KnowsAfterARestWhatWasPrepared) {
  PooledLab lab;
  lab.prepare("s", "SELECT 1");
  WokenLab woken(lab);
  EXPECT_FALSE(woken.client(run("s")).at_server().empty());
  woken.server(answers);
  EXPECT_EQ(woken.at_client(), "2 C(SELECT 1) Z(I)");
  woken.client(frontend::parse("s", "SELECT 2") + frontend::sync);
  EXPECT_NE(woken.at_client().find("42P05"), std::string::npos) << "the name is taken";
  PooledLab stranger;
  WokenLab fresh(stranger);
  fresh.client(run("s"));
  EXPECT_EQ(fresh.at_server().find("SELECT 1"), std::string::npos) << "another session's name";
}

TEST(PooledRelay, KnowsAfterARestWhatWasSet) {
  PooledLab lab;
  lab.client(frontend::query("SET work_mem = '7MB'")).server(backend::complete("SET") + backend::ready('I'));
  lab.at_client();
  lab.at_server();
  const auto settings = lab.relay.settings();
  ASSERT_TRUE(settings);
  WokenLab woken(lab);
  EXPECT_EQ(woken.relay.settings(), settings) << "the same object: a server connection that has them needs nothing";
}

TEST(PooledRelay, MarksWhereFunctionsLeaveSomething) {
  PooledLab lab;
  lab.judge.leaving = {{"locks", policy::Residue::discarded}, {"opens", policy::Residue::stays}};
  const auto marks = [&lab] { return std::pair(lab.first.littered, lab.first.stained); };
  lab.client(frontend::query("SELECT harmless()")).server(backend::complete("SELECT 1") + backend::ready('I'));
  EXPECT_EQ(marks(), std::pair(false, false));
  EXPECT_TRUE(lab.relay.may_rest());
  lab.client(frontend::query("SELECT locks()"));
  EXPECT_EQ(marks(), std::pair(true, false)) << "before it runs: it may fail when it has done so";
  lab.server(backend::complete("SELECT 1") + backend::ready('I'));
  lab.at_client();
  EXPECT_FALSE(lab.relay.may_rest()) << "it goes when the session does, so that has to be known";
  lab.client(frontend::query("SELECT opens()")).server(backend::error("22012") + backend::ready('I'));
  EXPECT_EQ(marks(), std::pair(true, true));
  lab.at_client();
  lab.move_to(lab.second);
  EXPECT_TRUE(lab.relay.may_rest()) << "somebody else has it";
  EXPECT_EQ(lab.relay.residue(), policy::Residue::none);
}

TEST(PooledRelay, SleepsOnWhatNobodyCouldTell) {
  PooledLab lab;
  lab.judge.leaving = {{"early", policy::Residue::unknown}};
  lab.client(frontend::query("SELECT early()")).server(backend::complete("SELECT 1") + backend::ready('I'));
  lab.at_client();
  EXPECT_TRUE(lab.first.stained);
  EXPECT_TRUE(lab.relay.may_rest());
}

TEST(PooledRelay, MarksWhereAStatementIsPlanned) {
  PooledLab lab;
  lab.judge.leaving = {{"opens", policy::Residue::stays}};
  lab.prepare("s", "SELECT opens()");
  EXPECT_FALSE(lab.first.stained);
  lab.client(frontend::bind("", "s") + frontend::sync);
  EXPECT_TRUE(lab.first.stained);
}

TEST(PooledRelay, MarksEachServerThatAPreparedStatementRunsOn) {
  PooledLab lab;
  lab.judge.leaving = {{"opens", policy::Residue::stays}};
  lab.prepare("s", "SELECT opens()").client(run("s")).server(answers);
  lab.at_client();
  lab.move_to(lab.second);
  lab.client(run("s"));
  EXPECT_TRUE(lab.first.stained && lab.second.stained);
}

TEST(PooledRelay, MarksWhatACallByNumberMayLeave) {
  PooledLab lab;
  lab.judge.function_calls = true;
  lab.client(MessageText('F').int32(1299).int16(0).int16(0).int16(0));
  EXPECT_TRUE(lab.first.stained);
}

TEST(PooledRelay, RemembersWhatIsLeftOnItsOwnConnection) {
  RelayLab lab;
  lab.judge.leaving = {{"opens", policy::Residue::stays}};
  lab.client(frontend::query("SELECT 1"));
  EXPECT_EQ(lab.relay.residue(), policy::Residue::none);
  lab.client(frontend::query("SELECT opens()"));
  EXPECT_EQ(lab.relay.residue(), policy::Residue::stays);
}

}  // namespace
}  // namespace dbgate::session
