#include "gateway/session/receipts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/session/relay_lab.h"

namespace dbgate::session {
namespace {

namespace b = backend;
namespace f = frontend;
using testing::HasSubstr;

// As a client that has asked for them when it connected.
template <class Test>
void with_receipts(const Test& test) {
  in_every_split([&test](RelayLab& lab) {
    lab.relay.give_receipts();
    test(lab);
  });
}

TEST(Receipts, SayWhichRecordIsWhose) {
  Receipts receipts;
  EXPECT_TRUE(receipts.empty());
  receipts.add(3, {"w1", 7, "aud_1", "abc"}, "qry_1");
  receipts.add(5, {"w1", 9, "aud_2", "def"}, "qry_2");
  Outgoing client;
  receipts.tell(2, client);
  EXPECT_EQ(client.bytes(), 0u);
  receipts.tell(4, client);
  std::string bytes;
  client.copy_to(bytes, 0);
  EXPECT_THAT(bytes, HasSubstr("NOTICE"));
  EXPECT_THAT(bytes, HasSubstr("C00R01"));
  EXPECT_THAT(bytes, HasSubstr("Maudit receipt aud_1"));
  EXPECT_THAT(bytes, HasSubstr(R"(D{"id":"aud_1","query_id":"qry_1","chain":"w1","seq":7,"hash":"abc"})"));
  EXPECT_THAT(bytes, testing::Not(HasSubstr("aud_2")));
  receipts.tell(5, client);
  EXPECT_TRUE(receipts.empty());
}

TEST(Receipts, StandBetweenTheRepliesToAQueryAndItsEnd) {
  with_receipts([](RelayLab& lab) {
    lab.client(f::query("SELECT a FROM t; SELECT b FROM t"));
    lab.server(b::rows() + b::row() + b::complete("SELECT 1") + b::rows() + b::complete("SELECT 0") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T D C(SELECT 1) T C(SELECT 0) N(audit receipt aud_1) Z(I)");
    lab.client(f::query("SELECT a FROM t")).server(b::error("42P01") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "E(42P01 server) N(audit receipt aud_2) Z(I)");
  });
}

TEST(Receipts, OfAPipelineEachStandInTheirPlace) {
  with_receipts([](RelayLab& lab) {
    lab.client(f::query("SELECT a FROM t") + f::query("SELECT b FROM t"));
    lab.server(b::complete("SELECT 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(SELECT 1) N(audit receipt aud_1) Z(I)");
    lab.server(b::complete("SELECT 2") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(SELECT 2) N(audit receipt aud_2) Z(I)");
  });
}

TEST(Receipts, OfExtendedQueriesComeWithTheirSync) {
  with_receipts([](RelayLab& lab) {
    const std::string one = f::parse("", "SELECT a FROM t") + f::bind("", "") + f::execute("");
    lab.client(one + one + f::sync);
    const std::string answer = b::parse_complete + b::bind_complete + b::complete("SELECT 1");
    lab.server(answer);
    EXPECT_EQ(lab.at_client(), "1 2 C(SELECT 1)");
    lab.server(answer + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 C(SELECT 1) N(audit receipt aud_1) N(audit receipt aud_2) Z(I)");
    // What did not run any more was recorded as well.
    lab.client(one + one + f::sync).server(b::error("22012") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "E(22012 server) N(audit receipt aud_3) N(audit receipt aud_4) Z(I)");
  });
}

TEST(Receipts, ARefusalHasOneToo) {
  with_receipts([](RelayLab& lab) {
    lab.client(f::query("SELECT a FROM secret"));
    EXPECT_EQ(lab.at_server(), "");
    EXPECT_THAT(lab.at_client(), testing::EndsWith("N(audit receipt aud_1) Z(I)"));
    lab.client(f::query("SELECT a FROM t") + f::query("SELECT a FROM secret"));
    lab.server(b::complete("SELECT 1") + b::ready('I') + b::error("42601") + b::ready('I'));
    const std::string both = lab.at_client();
    EXPECT_THAT(both, testing::StartsWith("C(SELECT 1) N(audit receipt aud_2) Z(I) E(42501"));
    EXPECT_THAT(both, testing::EndsWith("N(audit receipt aud_3) Z(I)"));
    lab.client(f::parse("", "SELECT a FROM secret") + f::bind("", "") + f::execute("") + f::sync);
    EXPECT_THAT(lab.at_client(), testing::EndsWith("N(audit receipt aud_4) Z(I)"));
    // What was not recorded has none.
    lab.trail.failing = true;
    lab.client(f::query("SELECT a FROM t"));
    EXPECT_THAT(lab.at_client(), testing::Not(HasSubstr("N(")));
  });
}

TEST(Receipts, BeginAndEndWithTheSettingThatAsksForThem) {
  in_every_split([](RelayLab& lab) {
    const auto run = [&lab](const char* text, const char* tag) {
      lab.client(f::query(text)).server(b::complete(tag) + b::ready('I'));
      return lab.at_client();
    };
    EXPECT_EQ(run("SELECT a FROM t", "SELECT 1"), "C(SELECT 1) Z(I)");
    EXPECT_EQ(run("SET dbgate.receipts = on", "SET"), "C(SET) Z(I)");
    EXPECT_EQ(run("SELECT a FROM t", "SELECT 1"), "C(SELECT 1) N(audit receipt aud_3) Z(I)");
    EXPECT_EQ(run("SET dbgate.receipts = off", "SET"), "C(SET) N(audit receipt aud_4) Z(I)");
    EXPECT_EQ(run("SELECT a FROM t", "SELECT 1"), "C(SELECT 1) Z(I)");
  });
}

}  // namespace
}  // namespace dbgate::session
