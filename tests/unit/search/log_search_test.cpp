#include "gateway/search/log_search.h"

#include <filesystem>

#include "tests/unit/search/log_lab.h"

namespace dbgate::search {
namespace {

using ports::AuditField;
using ports::Statement;
using testing::ElementsAre;
using testing::ElementsAreArray;

std::vector<std::string> lines_of(const std::string& path) {
  const std::string text = tests::read_file(path);
  std::vector<std::string> lines;
  std::string_view rest = text, line;
  while (take_line(rest, line))
    lines.emplace_back(line);
  return lines;
}

TEST(LogSearch, FindsTheSameWithAndWithoutTheIndexWhateverTheOrderOfChains) {
  LogLab lab;
  for (int round = 0; round < 3; ++round) {
    lab.run({.user = "ana", .sql = "SELECT " + std::to_string(round)}, "w0");
    lab.fill(600'000, round % 2 == 0 ? "w0" : "w1");
    lab.run({.user = "ana", .sql = "UPDATE " + std::to_string(round), .target = "crm"}, "w1");
    lab.next_segment("w0");
  }
  auto without = lab.search({}, false);
  const auto expected = lab.all(without, is({{AuditField::user, "ana"}}));
  EXPECT_EQ(expected.size(), 12u);
  EXPECT_GT(lab.index(), 5u);
  auto with = lab.search();
  for (const std::size_t limit : {1u, 3u, 50u})
    EXPECT_EQ(lab.all(with, is({{AuditField::user, "ana"}}), limit), expected);
  EXPECT_EQ(lab.all(with, {}, 500), lab.all(without, {}, 500));
  EXPECT_EQ(lab.all(with, is({{AuditField::target, "crm"}, {AuditField::operation, "UPDATE"}})).size(), 3u);
  for (std::size_t i = 1; i < expected.size(); ++i) {
    Record newer, older;
    ASSERT_TRUE(read_record(expected[i - 1], newer) && read_record(expected[i], older));
    EXPECT_GT(newer.time, older.time);
  }
}

TEST(LogSearch, TimesAreFromAndBefore) {
  LogLab lab;
  lab.run({});
  const std::int64_t first = lab.now();
  lab.run({});
  ports::AuditFilter filter;
  filter.since_us = first;
  filter.until_us = first + 1;
  auto search = lab.search();
  EXPECT_THAT(lab.all(search, filter), ElementsAre(lines_of(lab.segment("w0", 1))[1]));
}

TEST(LogSearch, ASearchThatReadsMuchIsCutAndGoesOn) {
  LogLab lab;
  lab.run({.user = "ana"});
  lab.fill(3'000'000);
  lab.run({.user = "ana", .target = "crm"});
  lab.fill(3'000'000, "w1");
  lab.index();
  auto small = lab.search({500'000});
  ports::AuditFilter text{{}, "nowhere", {}, {}};
  EXPECT_TRUE(lab.all(small, text).empty());
  EXPECT_GT(lab.cuts, 5);
  EXPECT_LT(lab.pages, 40);
  const auto page = small.records(text, {});
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->cut && page->next);
  // Terms tell where to look: nothing is cut.
  EXPECT_EQ(lab.all(small, is({{AuditField::user, "ana"}})).size(), 4u);
  EXPECT_EQ(lab.cuts, 0);
  auto blind = lab.search({500'000}, false);
  EXPECT_EQ(lab.all(blind, is({{AuditField::user, "ana"}})).size(), 4u);
  EXPECT_GT(lab.cuts, 5);
}

TEST(LogSearch, PagesStayWhileRecordsCome) {
  LogLab lab;
  lab.fill(700'000);
  lab.index();
  auto search = lab.search();
  const auto before = lab.all(search, {}, 500);
  auto page = search.records({}, {10, {}});
  ASSERT_TRUE(page);
  std::vector<std::string> seen = page->lines;
  while (page->next) {
    lab.run({.user = "late"});
    lab.index();
    page = search.records({}, {100, page->next});
    ASSERT_TRUE(page);
    seen.insert(seen.end(), page->lines.begin(), page->lines.end());
  }
  EXPECT_EQ(seen, before);
}

TEST(LogSearch, WhatIsInTailAndSegmentIsFoundOnce) {
  LogLab lab;
  lab.run({.user = "ana"});
  const auto lines = lines_of(lab.segment("w0", 1));
  const std::string more = lab.write("w0", "auth.ok", ",\"user.name\":\"ana\"");
  // The last record has reached the tail only, the one before both.
  std::filesystem::resize_file(lab.segment("w0", 1), lines[0].size() + lines[1].size() + 2);
  audit::TailHeader header;
  const std::string records = lines[1] + "\n" + more;
  header.used = records.size();
  std::string tail(sizeof header, '\0');
  std::memcpy(tail.data(), &header, sizeof header);
  tests::write_file(lab.log() + "/audit-w0.tail", tail + records);
  auto search = lab.search();
  EXPECT_THAT(lab.all(search, is({{AuditField::user, "ana"}})),
              ElementsAre(more.substr(0, more.size() - 1), lines[1], lines[0]));
}

TEST(LogSearch, ATornLineIsNoRecord) {
  LogLab lab;
  lab.run({});
  tests::write_file(lab.segment("w1", 1), "{\"v\":1,\"chain\":\"w1\",\"seq\":1,\"id\":\"aud_");
  tests::write_file(lab.segment("w2", 1), "rubbish\n\n{}\n");
  auto search = lab.search();
  EXPECT_EQ(lab.all(search, {}).size(), 2u);
}

TEST(LogSearch, AnAlteredLineDoesNotBecomePartOfAnAnswer) {
  LogLab lab;
  const std::string line = lab.write("w0", "auth.ok", ",\"user.name\":\"ana\"");
  tests::write_file(lab.segment("w1", 1), line.substr(0, line.size() - 2) + "}],\"items\":[{\n");
  auto search = lab.search();
  EXPECT_THAT(lab.all(search, is({{AuditField::user, "ana"}})), ElementsAre(line.substr(0, line.size() - 1)));
}

ports::StatementQuery of(const std::string& user, std::optional<Statement::State> state = {}) {
  return {is({{AuditField::user, user}}), state};
}

TEST(LogSearch, AStatementHasItsOutcomeWhereverThatIs) {
  LogLab lab;
  const Said ana{.user = "ana", .sql = "SELECT pg_sleep(9)"};
  const std::string slow = lab.decide(ana);
  const std::string lost = lab.decide(ana);
  lab.decide({.user = "ana", .effect = "deny"});
  lab.fill(900'000);
  lab.finish(ana, slow);
  lab.finish(ana, lab.decide(ana), "57014");
  lab.finish(ana, lab.decide(ana), "22012");
  for (const bool indexed : {false, true}) {
    if (indexed) lab.index();
    auto search = lab.search();
    const auto all = search.statements(of("ana"), {});
    ASSERT_TRUE(all);
    std::vector<Statement::State> states;
    for (const Statement& one : all->statements)
      states.push_back(one.state);
    using enum Statement::State;
    EXPECT_THAT(states, ElementsAre(failed, cancelled, denied, unfinished, succeeded));
    const auto one = search.statement(slow);
    ASSERT_TRUE(one && *one);
    EXPECT_EQ((*one)->rows, 3u);
    EXPECT_EQ((*one)->duration_us, 1234u);
    EXPECT_GT((*one)->ended_us, (*one)->decided_us + 500'000'000);
    const auto open = search.statement(lost);
    ASSERT_TRUE(open && *open);
    EXPECT_EQ((*open)->state, unfinished);
    for (const auto& [state, count] : {std::pair(succeeded, 1), std::pair(denied, 1), std::pair(not_run, 0)}) {
      const auto some = search.statements(of("ana", state), {});
      ASSERT_TRUE(some);
      EXPECT_EQ(some->statements.size(), static_cast<std::size_t>(count));
    }
    const auto none = search.statement("qry_01JD3K7V9QXW8N5T2R4M6P0ABC");
    EXPECT_TRUE(none && !*none);
    const auto nonsense = search.statement("qry_");
    EXPECT_TRUE(nonsense && !*nonsense);
  }
}

TEST(LogSearch, PagesOfStatementsOfOneState) {
  LogLab lab;
  std::vector<std::string> failed;
  for (int i = 0; i < 400; ++i) {
    const std::string query = lab.decide({});
    lab.finish({}, query, i % 20 == 0 ? "23505" : "00000");
    if (i % 20 == 0) failed.insert(failed.begin(), query);
  }
  lab.index();
  auto search = lab.search();
  std::vector<std::string> seen;
  ports::AuditPage page{7, {}};
  do {
    const auto found = search.statements(of("ana", Statement::State::failed), page);
    ASSERT_TRUE(found);
    for (const Statement& one : found->statements)
      seen.push_back(one.id);
    page.before = found->next;
  } while (page.before);
  EXPECT_EQ(seen, failed);
}

TEST(LogSearch, LongTextsAreCutInListsAndProvedWhenShown) {
  LogLab lab;
  std::string text = "SELECT '";
  for (int i = 0; i < 30'000; ++i)
    text += "ü";
  const std::string hash = audit::sha256_hex(text);
  tests::write_file(lab.log() + "/blobs/" + hash, text);
  const auto decide = [&](const std::string& sha256) {
    std::string query = "qry_";
    query.resize(4 + id_suffix_bytes);
    write_id_suffix(query.data() + 4, lab.now() + 1'000'000);
    std::string fields = ",\"user.name\":\"ana\",\"query_id\":\"" + query + "\",\"db.query.text_sha256\":\"" + sha256 +
                         "\",\"db.query.text_bytes\":" + std::to_string(text.size());
    lab.write("w0", "statement.decided", fields);
    return query;
  };
  const std::string query = decide(hash);
  auto search = lab.search();
  auto list = search.statements(of("ana"), {});
  ASSERT_TRUE(list);
  EXPECT_EQ(list->statements.at(0).text, text.substr(0, 4096));
  EXPECT_EQ(list->statements.at(0).text_bytes, text.size());
  EXPECT_TRUE((*search.statement(query))->text == text);
  tests::write_file(lab.log() + "/blobs/" + hash, "X" + text.substr(1));
  EXPECT_EQ((*search.statement(query))->text, "");
  EXPECT_EQ((*search.statement(decide("../../../../etc/passwd")))->text, "");
}

}  // namespace
}  // namespace dbgate::search
