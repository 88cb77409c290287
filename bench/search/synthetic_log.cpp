#include "bench/search/synthetic_log.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/audit/records.h"
#include "gateway/base/clock.h"
#include "gateway/base/ids.h"

namespace dbgate::bench {
namespace {

constexpr std::size_t chains = 4;
constexpr std::size_t sessions_of_chain = 32;
constexpr std::size_t statements_of_session = 400;
constexpr std::uint64_t segment_bytes = 256u << 20;
constexpr std::int64_t day_us = 86'400'000'000;
constexpr std::int64_t days = 30;

std::string id_at(std::string_view prefix, std::int64_t time_us) {
  std::string id(prefix);
  id.resize(prefix.size() + id_suffix_bytes);
  write_id_suffix(id.data() + prefix.size(), time_us);
  return id;
}

struct Session {
  audit::SessionText text;
  std::string decided;  ///< what its decisions start with
  std::string id;
  std::size_t left = 0;
};

class ChainWriter {
 public:
  ChainWriter(std::string directory, std::string name)
      : directory_(std::move(directory)), name_(std::move(name)), chain_(name_) {
    open();
  }

  // The line as the chain seals it, with another time. @return the record's id
  std::string write(std::string_view event, std::string_view common, std::string_view fields, std::int64_t time_us) {
    line_.clear();
    chain_.seal(line_, chain_.start(event, common), fields);
    const std::size_t id = line_.find("\"id\":\"aud_") + 6;
    const std::size_t time = line_.find("\"ts\":\"") + 6;
    write_id_suffix(line_.data() + id + 4, time_us);
    write_time(line_.data() + time, time_us);
    file_ << line_;
    bytes_ += line_.size();
    if (bytes_ >= segment_bytes) open();
    return line_.substr(id, 30);
  }

 private:
  void open() {
    std::array<char, 16> digits;
    std::snprintf(digits.data(), digits.size(), "%06u", ++segment_);
    file_ = std::ofstream(directory_ + "/audit-" + name_ + "-" + digits.data() + ".jsonl", std::ios::binary);
    bytes_ = 0;
  }

  std::string directory_, name_;
  audit::Chain chain_;
  std::ofstream file_;
  std::string line_;
  std::uint64_t bytes_ = 0;
  unsigned segment_ = 0;
};

class Writer {
 public:
  Writer(const std::string& directory, std::uint64_t records) : statements_(records / 2) {
    std::filesystem::create_directories(directory);
    for (std::size_t i = 0; i < chains; ++i)
      writers_.emplace_back(directory, "w" + std::to_string(i));
    sessions_.resize(chains * sessions_of_chain);
  }

  LogFacts run() {
    facts_.end_us = wall_clock_us();
    facts_.start_us = facts_.end_us - days * day_us;
    for (std::uint64_t i = 0; i < statements_; ++i)
      write_statement(i);
    return facts_;
  }

 private:
  // One user does a third of all, and it goes down from there.
  std::size_t skewed(std::size_t count) {
    const double roll = std::uniform_real_distribution<>(0.0, 1.0)(random_);
    return std::min(count - 1, static_cast<std::size_t>(static_cast<double>(count) * std::pow(roll, 4.0)));
  }

  void begin(Session& session, std::int64_t now, bool rare) {
    audit::SessionFields fields;
    session.id = id_at("ses_", now);
    fields.session_id = session.id;
    fields.user = rare ? "rare" : "user" + std::to_string(skewed(200));
    fields.auth_method = "scram-sha-256";
    fields.client_address = "10.0." + std::to_string(random_() % 8) + "." + std::to_string(random_() % 250);
    fields.client_port = 40000;
    fields.application = "psql";
    fields.target = "target" + std::to_string(skewed(20));
    fields.db_system = "postgresql";
    fields.database = "shop";
    fields.server_address = "10.1.0.7";
    fields.server_port = 5432;
    fields.upstream_user = "app";
    session.text = fields.render();
    session.decided = session.text.all;
    audit::append_field(session.decided, "decision.policy_version", std::string_view("9f86d081884c7d65"));
    session.left = rare ? 1 : 1 + random_() % (2 * statements_of_session);
  }

  void write_statement(std::uint64_t i) {
    const std::int64_t now =
        facts_.start_us + static_cast<std::int64_t>(static_cast<double>(days * day_us) *
                                                    (static_cast<double>(i) / static_cast<double>(statements_)));
    const std::size_t slot = random_() % sessions_.size();
    Session& session = sessions_[slot];
    const bool rare = i % 500'000 == 250'000;
    if (rare || session.left == 0) begin(session, now, rare);
    --session.left;
    ChainWriter& writer = writers_[slot % chains];
    const std::string table = "public.table" + std::to_string(skewed(300));
    const bool writes = random_() % 8 == 0;
    const bool denied = random_() % 50 == 0;
    const std::string sql = writes ? "UPDATE " + table + " SET note = 'x" + std::to_string(random_()) +
                                         "' WHERE id = " + std::to_string(random_() % 1'000'000)
                                   : "SELECT id, name, city, created_at FROM " + table +
                                         " WHERE id = " + std::to_string(random_() % 1'000'000) +
                                         " AND state <> 'closed' ORDER BY id";
    audit::JudgementFields judged;
    judged.operation = writes ? "UPDATE" : "SELECT";
    judged.objects = {table};
    judged.effect = denied ? "deny" : "allow";
    judged.rule_id = denied ? "builtin/default" : writes ? "writers/allow" : "readers/allow";
    if (denied) judged.reasons = {"no policy allows this"};
    const std::string query = id_at("qry_", now);
    audit::DecisionFields decision;
    decision.query_id = query;
    decision.text = sql;
    decision.protocol = "extended";
    fields_.clear();
    audit::append_decision(fields_, decision, audit::JudgementText(judged));
    const std::string id = writer.write("statement.decided", session.decided, fields_, now);
    if (i == statements_ / 2) facts_.session = session.id, facts_.query = query, facts_.record_id = id;
    if (denied) return;
    const bool failed = random_() % 100 == 0;
    audit::OutcomeFields outcome;
    outcome.query_id = query;
    outcome.outcome = failed ? "error" : "ok";
    outcome.sqlstate = failed ? "23505" : "00000";
    outcome.tags = writes ? "UPDATE 1" : "SELECT 1";
    outcome.rows_returned = 1;
    outcome.bytes = 64;
    outcome.duration_us = 200 + random_() % 2000;
    fields_.clear();
    audit::append_outcome(fields_, outcome);
    writer.write("statement.done", session.text.names(), fields_, now + static_cast<std::int64_t>(outcome.duration_us));
  }

  std::uint64_t statements_;
  std::vector<ChainWriter> writers_;
  std::vector<Session> sessions_;
  std::string fields_;
  LogFacts facts_;
  std::mt19937_64 random_{7};
};

}  // namespace

LogFacts write_log(const std::string& directory, std::uint64_t records) {
  return Writer(directory, records).run();
}

}  // namespace dbgate::bench
