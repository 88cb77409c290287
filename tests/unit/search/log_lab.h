#pragma once
#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/adapters/sqlite_block_index.h"
#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/audit/records.h"
#include "gateway/base/clock.h"
#include "gateway/base/ids.h"
#include "gateway/search/indexer.h"
#include "gateway/search/log_search.h"
#include "tests/support/temp_directory.h"

namespace dbgate::search {

/// A statement, as tests write it to a log.
struct Said {
  std::string user = "ana";
  std::string sql = "SELECT 1";
  std::string effect = "allow";
  std::string table = "customers";
  std::string target = "shop";
  std::string session = "ses_01JD3K7V9QXW8N5T2R4M6P0ABC";
  std::string rule = "read/allow[0]";
};

/// A directory with a log, its index, and searches of it. Records are a second apart, as chains of dbgate write them.
class LogLab {
 public:
  static constexpr std::int64_t start_us = 1'790'000'000'000'000;

  LogLab() { std::filesystem::create_directories(log() + "/blobs"); }

  std::string log() const { return directory_.file("audit"); }
  std::string file() const { return directory_.file("audit-index.db"); }
  std::string segment(const std::string& chain, unsigned number) const {
    return log() + "/audit-" + chain + "-00000" + std::to_string(number) + ".jsonl";
  }
  std::int64_t now() const { return now_us_; }

  /// Appends one record. `common` stands in front of its place in the chain. @return the line
  std::string write(const std::string& chain, const std::string& event, const std::string& fields,
                    std::string_view common = {}) {
    Writer& writer = chains_[chain];
    if (!writer.chain) writer.chain = std::make_unique<audit::Chain>(chain);
    std::string line;
    writer.chain->seal(line, writer.chain->start(event, common), fields);
    now_us_ += 1'000'000;
    write_id_suffix(line.data() + line.find("\"id\":\"aud_") + 10, now_us_);
    write_time(line.data() + line.find("\"ts\":\"") + 6, now_us_);
    std::ofstream(segment(chain, writer.segment), std::ios::app) << line;
    return line;
  }
  void next_segment(const std::string& chain) { ++chains_[chain].segment; }

  /// @return its query_id
  std::string decide(const Said& said, const std::string& chain = "w0") {
    std::string query = "qry_";
    query.resize(4 + id_suffix_bytes);
    write_id_suffix(query.data() + 4, now_us_ + 1'000'000);
    audit::JudgementFields judged;
    judged.operation = std::string_view(said.sql).substr(0, said.sql.find(' '));
    judged.objects = {said.table};
    judged.effect = said.effect;
    judged.rule_id = said.rule;
    audit::DecisionFields decision;
    decision.query_id = query;
    decision.text = said.sql;
    decision.protocol = "simple";
    std::string fields;
    audit::append_decision(fields, decision, audit::JudgementText(judged));
    write(chain, "statement.decided", fields, names(said).all);
    return query;
  }
  void finish(const Said& said, const std::string& query, const std::string& sqlstate = "00000",
              const std::string& chain = "w0") {
    audit::OutcomeFields outcome;
    outcome.query_id = query;
    outcome.outcome = sqlstate == "00000" ? "ok" : "error";
    outcome.sqlstate = sqlstate;
    outcome.rows_returned = 3;
    outcome.bytes = 40;
    outcome.duration_us = 1234;
    std::string fields;
    audit::append_outcome(fields, outcome);
    write(chain, "statement.done", fields, names(said).names());
  }
  std::string run(const Said& said, const std::string& chain = "w0") {
    const std::string query = decide(said, chain);
    finish(said, query, "00000", chain);
    return query;
  }
  /// About so many bytes of statements of others.
  void fill(std::size_t bytes, const std::string& chain = "w0") {
    const std::string padding(1000, 'x');
    for (std::size_t i = 0; i < bytes / 1800; ++i)
      run({.user = "other" + std::to_string(i % 7), .sql = "SELECT '" + padding + "'"}, chain);
  }

  Indexer& indexer() { return indexer_; }
  std::size_t index() {
    const auto added = indexer_.update(never_);
    EXPECT_TRUE(added) << (added ? "" : added.error().message());
    return added ? *added : 0;
  }
  /// What searches see; another one for each kind of question.
  LogSearch search(Budget budget = {}, bool with_index = true) {
    return LogSearch(log(),
                     {[this] { return adapters::open_block_index(file(), false); },
                      [this, with_index] { return with_index ? indexer_.generation() : 0; }, [this] { ++distrusted; }},
                     budget);
  }
  int distrusted = 0;

  /// The lines of all pages.
  std::vector<std::string> all(LogSearch& search, const ports::AuditFilter& filter, std::size_t limit = 50) {
    std::vector<std::string> lines;
    ports::AuditPage page{limit, {}};
    pages = cuts = 0;
    do {
      auto found = search.records(filter, page);
      EXPECT_TRUE(found) << (found ? "" : found.error().message());
      if (!found) return lines;
      EXPECT_LE(found->lines.size(), limit);
      lines.insert(lines.end(), found->lines.begin(), found->lines.end());
      page.before = found->next;
      cuts += found->cut ? 1 : 0;
      if (++pages > 10'000) ADD_FAILURE() << "no end";
    } while (page.before && pages <= 10'000);
    return lines;
  }
  int pages = 0, cuts = 0;

 private:
  static audit::SessionText names(const Said& said) {
    audit::SessionFields fields;
    fields.session_id = said.session;
    fields.user = said.user;
    fields.client_address = "192.0.2.7";
    fields.target = said.target;
    return fields.render();
  }

  tests::TempDirectory directory_;
  struct Writer {
    std::unique_ptr<audit::Chain> chain;
    unsigned segment = 1;
  };
  std::map<std::string, Writer> chains_;
  std::int64_t now_us_ = start_us;
  std::atomic<bool> never_{false};
  Indexer indexer_{
      log(),
      {[this] { return adapters::open_block_index(file(), true); }, [this] { adapters::remove_block_index(file()); }}};
};

inline ports::AuditFilter is(std::vector<std::pair<ports::AuditField, std::string>> fields) {
  return {std::move(fields), {}, {}, {}};
}

}  // namespace dbgate::search
