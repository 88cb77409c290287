#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "gateway/session/judge.h"
#include "gateway/session/trail.h"
#include "tests/fuzz/check.h"

// What a relay talks to, scripted: statement texts are one letter and a name, joined by ';', and say themselves what
// they are and whether they are allowed.
namespace dbgate::fuzz {

/// '!' refused · '?' cannot be parsed · 'C' COPY FROM STDIN · 'P' PREPARE · 'E' EXECUTE · 'K' DECLARE · 'F' FETCH ·
/// 'X' CLOSE · 'D' DEALLOCATE · 'Z' DISCARD ALL · 'L' LISTEN · 'U' UNLISTEN · anything else a SELECT. On a replication
/// connection a text that begins with 'S' is a command of that protocol.
inline bool text_is_refused(std::string_view text) {
  bool start = true;
  for (const char c : text) {
    if (start && (c == '!' || c == '?')) return true;
    start = c == ';';
  }
  return false;
}

class ScriptedJudge final : public session::Judge {
 public:
  std::shared_ptr<const session::Analysis> analyze(std::string_view text) const override {
    auto script = std::make_shared<sql::Script>();
    auto analysis = std::make_shared<session::Analysis>();
    analysis->refused = false;
    while (!text.empty()) {
      const std::string_view one = text.substr(0, text.find(';'));
      text.remove_prefix(std::min(text.size(), one.size() + 1));
      if (one.empty()) continue;
      script->statements.push_back(statement(one));
      if (one[0] != '?') continue;
      analysis->refused = true;
      analysis->refusal.code = sqlstate::syntax_error;
    }
    if (analysis->refused) script->statements.clear();
    analysis->script = std::move(script);
    return analysis;
  }
  session::Judged judge(const session::Analysis& analysis, const session::Names& statements,
                        const session::Names& portals, session::Segment now) override {
    using State = session::Names::State;
    session::Judged judged = verdict(analysis.script, analysis.refused);
    judged.refusal = analysis.refusal;
    for (const sql::Statement& one : analysis.script->statements) {
      if (one.tag == "!") judged.refused = true;
      const bool runs = one.kind == sql::StatementKind::execute;
      if (!runs && one.kind != sql::StatementKind::fetch) continue;
      const auto found = (runs ? statements : portals).find(one.name, now);
      if (found.state == State::wait) judged.wait = true;
      if (found.state == State::absent && runs) judged.refused = true;
    }
    return judged;
  }
  session::Stands still_stands(const session::Queued& queued, std::size_t from) override {
    for (std::size_t i = from; i < queued.script->statements.size(); ++i) {
      if (queued.script->statements[i].tag == "!") return session::Stands::no;
    }
    return session::Stands::yes;
  }
  session::Judged judge_function_call() override { return verdict(one_of("f"), false); }
  session::Judged judge_connection() override { return verdict(one_of("c"), false); }
  session::Judged judge_replication(std::string_view text) override {
    if (!text.starts_with('S')) return {};
    auto script = std::make_shared<sql::Script>();
    script->statements.emplace_back().kind = sql::StatementKind::replication;
    return verdict(std::move(script), text_is_refused(text));
  }
  std::uint64_t version() override { return version_; }
  void change_policy() { ++version_; }

 private:
  static sql::Statement statement(std::string_view text) {
    static const std::map<char, sql::StatementKind> kinds = {
        {'C', sql::StatementKind::copy_in},    {'P', sql::StatementKind::prepare},
        {'E', sql::StatementKind::execute},    {'K', sql::StatementKind::declare_cursor},
        {'F', sql::StatementKind::fetch},      {'X', sql::StatementKind::close_cursor},
        {'D', sql::StatementKind::deallocate}, {'Z', sql::StatementKind::discard},
        {'L', sql::StatementKind::listen},     {'U', sql::StatementKind::unlisten}};
    sql::Statement one;
    const auto kind = kinds.find(text[0]);
    one.kind = kind == kinds.end() ? sql::StatementKind::select : kind->second;
    one.tag = text[0] == 'Z' ? "DISCARD ALL" : std::string(text.substr(0, 1));
    one.name = text.substr(1);
    one.holdable = text.ends_with("h");
    if (text[0] == 'E') one.effects.set(static_cast<std::size_t>(sql::Effect::execute));
    return one;
  }
  static std::shared_ptr<const sql::Script> one_of(std::string_view text) {
    auto script = std::make_shared<sql::Script>();
    script->statements.push_back(statement(text));
    return script;
  }
  session::Judged verdict(std::shared_ptr<const sql::Script> script, bool refused) const {
    session::Judged judged;
    judged.script = std::move(script);
    judged.judged_by = version_;
    judged.refused = refused;
    policy::Verdict verdict;
    verdict.decision = refused ? policy::Decision::deny : policy::Decision::allow;
    judged.verdict = std::make_shared<const policy::Verdict>(std::move(verdict));
    return judged;
  }

  std::uint64_t version_ = 1;
};

/// Every decision gets an id; what ran must come back under its id exactly once.
class ScriptedTrail final : public session::Trail {
 public:
  Result<Id> decided(const session::Judged& judged, std::string_view, std::string_view protocol,
                     std::string_view) override {
    if (full_) return Error(sqlstate::io_error, "full");
    std::string id = "qry_" + std::to_string(++last_);
    if (!judged.refused && !protocol.empty()) open_.insert(id);
    return Id(id);
  }
  void done(const session::Run& run, std::string_view) override {
    DBGATE_FUZZ_CHECK(open_.erase(std::string(run.query_id)) == 1);
  }
  void ended(std::string_view, std::uint64_t, std::uint64_t) override {}
  void fill() { full_ = !full_; }
  bool everything_done() const { return open_.empty(); }

 private:
  std::set<std::string> open_;
  std::uint64_t last_ = 0;
  bool full_ = false;
};

}  // namespace dbgate::fuzz
