#include "gateway/session/admin_dialogue.h"

#include <gmock/gmock.h>

#include <functional>

#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"

namespace dbgate::session {
namespace {

namespace backend = protocol::backend;
namespace frontend = protocol::frontend;
using testing::HasSubstr;

/// A dialogue, and what it has said.
class AdminDialogueTest : public testing::Test {
 protected:
  template <class Message>
  void say(const Message& message) {
    const std::string bytes = protocol::encoded(message);
    auto job = dialogue_.take(Message::type, protocol::as_bytes(bytes).subspan(protocol::MessageHeader::bytes));
    jobs_ += job ? 1 : 0;
    if (!job) return;
    last_needs_ = job->needs_overview();
    dialogue_.run(*job, overview_);
    last_state_ = job->sqlstate.text();
    last_tags_ = job->tags;
    last_rows_ = job->rows;
  }
  void query(std::string_view text) { say(frontend::Query{text}); }
  void parse(std::string_view name, std::string_view text) { say(frontend::Parse{name, text, {}}); }
  void bind(std::string_view portal, std::string_view statement, std::vector<std::int16_t> formats = {}) {
    std::string storage;
    frontend::Bind message;
    message.portal = portal;
    message.statement = statement;
    message.result_formats = protocol::Repeated<std::int16_t>::lay_out(formats, storage);
    say(message);
  }

  /// The types of the messages since the last call; errors with their SQLSTATE, ReadyForQuery with its status.
  std::string heard() {
    const std::string output = dialogue_.take_output();
    std::string types;
    for (protocol::Bytes rest = protocol::as_bytes(output); !rest.empty();) {
      const auto header = protocol::decode_header(rest);
      const auto body = rest.subspan(protocol::MessageHeader::bytes, header->body_length);
      types += header->type;
      if (header->type == 'E') {
        const auto error = backend::ErrorResponse::decode(body);
        types += "(" + std::string(backend::find_field(error->fields, 'C')) + ")";
        last_message_ = backend::find_field(error->fields, 'M');
      }
      if (header->type == 'Z') types += static_cast<char>(backend::ReadyForQuery::decode(body)->status);
      rest = rest.subspan(protocol::MessageHeader::bytes + header->body_length);
    }
    return types;
  }

  show::Overview overview_;
  AdminDialogue dialogue_{{{"server_version", "15.0"}, {"DateStyle", "ISO, MDY"}}};
  int jobs_ = 0;
  bool last_needs_ = false;
  std::string last_state_, last_tags_, last_message_;
  std::uint64_t last_rows_ = 0;
};

TEST_F(AdminDialogueTest, SimpleQueries) {
  query("SHOW VERSION");
  EXPECT_EQ(heard(), "TDCZI");
  EXPECT_FALSE(last_needs_);
  EXPECT_EQ(last_tags_, "SHOW");
  EXPECT_EQ(last_rows_, 1u);
  query("SHOW POOLS; SELECT 1;");
  EXPECT_TRUE(last_needs_);
  EXPECT_EQ(heard(), "TCTDCZI");
  EXPECT_EQ(last_tags_, "SHOW; SELECT 1");
  query(" ; -- ping");
  EXPECT_EQ(heard(), "IZI");
  query("SET datestyle TO ISO");
  EXPECT_EQ(heard(), "CZI");
  query("SHOW DateStyle");
  EXPECT_EQ(heard(), "TDCZI");
  EXPECT_EQ(jobs_, 5);
}

TEST_F(AdminDialogueTest, ErrorsLeaveItGoing) {
  query("SHOW FOO");
  EXPECT_EQ(heard(), "E(42601)ZI");
  EXPECT_EQ(last_state_, "42601");
  query("SHOW VERSION; nonsense");
  EXPECT_EQ(heard(), "E(42601)ZI");
  query("RELOAD");
  EXPECT_EQ(heard(), "E(0A000)ZI");
  query("SHOW \xff");
  EXPECT_EQ(heard(), "E(22021)ZI");
  std::string many;
  for (std::size_t i = 0; i <= AdminDialogue::most_commands; ++i)
    many += "SHOW VERSION;";
  query(many);
  EXPECT_EQ(heard(), "E(54000)ZI");
  query("SHOW VERSION");
  EXPECT_EQ(heard(), "TDCZI");
  EXPECT_FALSE(dialogue_.over());
}

TEST_F(AdminDialogueTest, TransactionsOfDrivers) {
  query("BEGIN");
  EXPECT_EQ(heard(), "CZT");
  EXPECT_TRUE(dialogue_.in_transaction());
  query("SHOW FOO");
  EXPECT_EQ(heard(), "E(42601)ZE");
  query("SHOW VERSION");
  EXPECT_EQ(heard(), "E(25P02)ZE");
  EXPECT_EQ(last_state_, "25P02");
  query("COMMIT");
  EXPECT_EQ(heard(), "CZI");
  EXPECT_EQ(last_tags_, "ROLLBACK");
  query("BEGIN; SHOW VERSION; COMMIT");
  EXPECT_EQ(heard(), "CTDCCZI");
}

TEST_F(AdminDialogueTest, ExtendedQueries) {
  parse("", "SHOW VERSION");
  bind("", "");
  say(frontend::Describe{frontend::NameKind::portal, ""});
  EXPECT_EQ(jobs_, 0);
  say(frontend::Execute{"", 0});
  say(frontend::Sync());
  EXPECT_EQ(heard(), "12TDCZI");
  EXPECT_EQ(jobs_, 1);
  parse("s", "SET datestyle TO ISO");
  say(frontend::Describe{frontend::NameKind::prepared_statement, "s"});
  bind("p", "s");
  say(frontend::Execute{"p", 0});
  say(frontend::Close{frontend::NameKind::portal, "p"});
  say(frontend::Close{frontend::NameKind::prepared_statement, "s"});
  say(frontend::Sync());
  EXPECT_EQ(heard(), "1tn2C33ZI");
  parse("", "");
  bind("", "");
  say(frontend::Execute{"", 0});
  say(frontend::Sync());
  EXPECT_EQ(heard(), "12IZI");
}

TEST_F(AdminDialogueTest, RowsAFewAtATime) {
  const std::size_t rows = show::table_of(show::Topic::help, overview_).rows.size();
  parse("", "SHOW HELP");
  bind("", "");
  say(frontend::Execute{"", 2});
  EXPECT_EQ(heard(), "12DDs");
  EXPECT_EQ(last_rows_, 2u);
  say(frontend::Execute{"", 0});
  EXPECT_EQ(heard(), std::string(rows - 2, 'D') + "C");
  say(frontend::Execute{"", 0});
  EXPECT_EQ(heard(), "C");
  say(frontend::Sync());
  EXPECT_EQ(heard(), "ZI");
}

TEST_F(AdminDialogueTest, AfterAnErrorEverythingUpToSyncIsDropped) {
  parse("", "SHOW FOO");
  EXPECT_EQ(jobs_, 1);
  bind("", "");
  query("SHOW VERSION");
  say(frontend::Execute{"", 0});
  EXPECT_EQ(heard(), "E(42601)");
  say(frontend::Sync());
  EXPECT_EQ(heard(), "ZI");
  EXPECT_EQ(jobs_, 1);
}

TEST_F(AdminDialogueTest, NamesThatDoNotExist) {
  for (const auto& [attempt, expected] : std::vector<std::pair<std::function<void()>, std::string>>{
           {[this] { bind("", "none"); }, "E(26000)ZI"},
           {[this] {
              say(frontend::Execute{"none", 0});
            },
            "E(34000)ZI"},
           {[this] {
              say(frontend::Describe{frontend::NameKind::portal, "none"});
            },
            "E(34000)ZI"},
           {[this] {
              say(frontend::Describe{frontend::NameKind::prepared_statement, "none"});
            },
            "E(26000)ZI"},
           {[this] {
              say(frontend::Close{frontend::NameKind::portal, "none"});
            },
            "3ZI"}}) {
    attempt();
    say(frontend::Sync());
    EXPECT_EQ(heard(), expected);
  }
}

TEST_F(AdminDialogueTest, NamesOnceGivenAreTaken) {
  parse("s", "SHOW POOLS");
  parse("s", "SHOW POOLS");
  say(frontend::Sync());
  EXPECT_EQ(heard(), "1E(42P05)ZI");
  query("DEALLOCATE s");
  EXPECT_EQ(heard(), "CZI");
  parse("s", "SHOW POOLS; SHOW STATS");
  say(frontend::Sync());
  EXPECT_EQ(heard(), "E(42601)ZI");
  parse("s", "SHOW POOLS");
  query("DISCARD ALL");
  bind("", "s");
  say(frontend::Sync());
  EXPECT_EQ(heard(), "1CZIE(26000)ZI");
}

TEST_F(AdminDialogueTest, PortalsLastAsLongAsTheirTransaction) {
  parse("s", "SHOW HELP");
  bind("p", "s");
  say(frontend::Sync());
  say(frontend::Execute{"p", 0});
  say(frontend::Sync());
  EXPECT_EQ(heard(), "12ZIE(34000)ZI");
  query("BEGIN");
  bind("p", "s");
  say(frontend::Execute{"p", 1});
  say(frontend::Sync());
  say(frontend::Execute{"p", 1});
  say(frontend::Sync());
  EXPECT_EQ(heard(), "CZT2DsZTDsZT");
}

TEST_F(AdminDialogueTest, FormatsHaveToFit) {
  parse("s", "SHOW VERSION");
  bind("", "s", {1});
  bind("", "s", {0, 1});
  say(frontend::Sync());
  EXPECT_EQ(heard(), "12E(08P01)ZI");
  bind("", "s", {2});
  say(frontend::Sync());
  EXPECT_EQ(heard(), "E(08P01)ZI");
}

TEST_F(AdminDialogueTest, WhatItKeepsIsBounded) {
  for (std::size_t i = 0; i < AdminDialogue::most_statements; ++i)
    parse("s" + std::to_string(i), "SHOW POOLS");
  heard();
  parse("more", "SHOW POOLS");
  say(frontend::Sync());
  EXPECT_EQ(heard(), "E(54000)ZI");
  for (std::size_t i = 0; i < AdminDialogue::most_portals; ++i)
    bind("p" + std::to_string(i), "s0");
  heard();
  bind("more", "s0");
  say(frontend::Sync());
  EXPECT_EQ(heard(), "E(54000)ZI");
}

TEST_F(AdminDialogueTest, OtherMessages) {
  std::string nothing;
  frontend::FunctionCall call;
  call.arguments = protocol::Repeated<protocol::Value>::lay_out({}, nothing);
  say(call);
  EXPECT_EQ(heard(), "E(0A000)ZI");
  say(frontend::Flush());
  EXPECT_EQ(dialogue_.take('d', {}), nullptr);
  EXPECT_EQ(heard(), "");
  say(frontend::Terminate());
  EXPECT_TRUE(dialogue_.over());
  EXPECT_FALSE(dialogue_.failed());
}

TEST_F(AdminDialogueTest, MessagesThatAreNoneEndIt) {
  for (const char type : {'Q', 'P', 'B', 'D', 'E', 'C'}) {
    AdminDialogue fresh{{}};
    EXPECT_EQ(fresh.take(type, {}), nullptr);
    EXPECT_TRUE(fresh.over() && fresh.failed()) << type;
    EXPECT_THAT(fresh.take_output(), HasSubstr("08P01"));
  }
  AdminDialogue fresh{{}};
  fresh.take('!', {});
  EXPECT_TRUE(fresh.failed());
}

}  // namespace
}  // namespace dbgate::session
