// What docs/verdict-cache.md promises, on generated statements: equal keys, equal verdicts; and what the cache says is
// what judging says. Ends with 1 at the first difference.
// Usage: verdict_pairs [--pairs N] [--seed S] [FOLDER of statements to begin with]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "gateway/session/audit_trail.h"
#include "gateway/sql/analyze.h"
#include "gateway/sql/text_key.h"
#include "tests/verdicts/dump.h"
#include "tests/verdicts/policies.h"
#include "tests/verdicts/statements.h"

namespace dbgate::tests {
namespace {

using session::Judged;
using session::PolicyJudge;
using session::TextForm;

constexpr std::size_t reload_every = 3'000;
constexpr std::int64_t monday_noon = 1795392000 + 12 * 3600;

/// Keeps the last record.
class LastRecord final : public ports::AuditChain {
 public:
  Result<> append(std::string_view, std::string_view fields) override {
    last = fields;
    return boost::system::in_place_value;
  }
  Result<std::string> store_text(std::string_view text) override { return std::to_string(text.size()); }
  Result<Ticket> commit() override { return Ticket{0}; }
  Result<> write_out() override { return boost::system::in_place_value; }
  bool is_durable(Ticket) const override { return true; }
  void when_durable(Ticket, std::function<void()>) override {}
  bool sync_required() const override { return false; }
  std::string last;
};

/// The record of a decision, without the numbers that it gets.
std::string record_of(const Judged& judged, std::string_view text, TextForm form) {
  static LastRecord chain;
  static telemetry::TargetCounters counters;
  static session::AuditTrail trail(chain, {}, "v1", counters);
  const auto id = trail.decided(judged, text, form == TextForm::query ? "simple" : "extended", {});
  if (!id) std::abort();
  std::string record = chain.last;
  const std::size_t at = record.find(id->view());
  if (at != std::string::npos) record.erase(at, id->view().size());
  constexpr std::string_view span = ",\"span_id\":\"";
  const std::size_t span_at = record.find(span);
  if (span_at != std::string::npos) record.erase(span_at + span.size(), 16);
  return record;
}

Judged judged_anew(PolicyJudge& judge, const session::Analysis& analysis, TextForm form) {
  static const session::BoundValues nothing;
  static const session::Names names;
  return judge.judge_bound(analysis, form == TextForm::query ? &nothing : nullptr, names, names, 0);
}

Judged judged_anew(PolicyJudge& judge, std::string_view text, TextForm form) {
  judge.ready();  // takes the view that is in force, as sessions do
  return judged_anew(judge, *judge.analyze(text), form);
}

/// As a session does it.
Judged judged_by_cache(PolicyJudge& judge, std::string_view text, TextForm form, bool& known) {
  static const session::BoundValues nothing;
  static const session::Names names;
  Judged judged = judge.recall(text, form);
  known = judged.script != nullptr;
  if (known) return judged;
  const auto analysis = judge.analyze(text);
  judged = judge.judge_bound(*analysis, form == TextForm::query ? &nothing : nullptr, names, names, 0);
  judge.remember(text, form, *analysis, judged);
  return judged;
}

[[noreturn]] void differ(const char* what, const std::string& one, const std::string& other, const std::string& said,
                         const std::string& expected) {
  std::printf("%s differ\n--- %s\n--- %s\n<<< %s\n>>> %s\n", what, one.c_str(), other.c_str(), said.c_str(),
              expected.c_str());
  std::exit(1);
}

class Test {
 public:
  Test(std::uint64_t seed, const char* folder) : statements_(seed), random_(seed) {
    if (folder != nullptr && statements_.read(folder) == 0) std::abort();
    const auto clock = [] { return monday_noon; };
    for (std::size_t i = 0; i < policy_count; ++i) {
      const std::string user = "p" + std::to_string(i);
      cached_.emplace_back(
          std::make_unique<PolicyJudge>(source_, user, "shop", "shop", limits_, "", std::nullopt, clock, &cache_));
      plain_.emplace_back(
          std::make_unique<PolicyJudge>(source_, user, "shop", "shop", limits_, "", std::nullopt, clock));
    }
  }

  void run(std::size_t pairs) {
    while (equal_keys_ < pairs) {
      if (tried_++ % reload_every == 0) reload();
      const std::string one = statements_.make();
      const std::string other = another(one);
      compare_keys(one, other);
      for (int i = 0; i < 2; ++i)
        compare_cache(random_() % policy_count, one, other, random_() % 4 == 0 ? TextForm::parse : TextForm::query);
      std::string key;
      if (sql::append_uncommented(one, key)) {
        const std::string commented = statements_.of_key(key);
        if (analyzed(one) != analyzed(commented)) differ("facts", one, commented, analyzed(one), analyzed(commented));
        compare_cache(random_() % policy_count, one, commented, TextForm::parse);
      }
    }
    std::printf(
        "%zu statements, %zu pairs of different texts with equal keys (%zu of them allowed by a policy): equal facts, "
        "verdicts and records; %zu answers of the cache, %zu of them to a text other than the one judged: as judged\n",
        tried_, equal_keys_, allowed_, answers_, other_texts_);
    if (allowed_ * 20 < equal_keys_ || other_texts_ * 20 < tried_) std::exit(1);  // it would say nothing
  }

 private:
  std::string another(const std::string& one) {
    std::string key;
    if (random_() % 4 == 0 || !sql::append_blind(one, key)) return statements_.with_other_constants(one);
    return statements_.of_key(key);
  }

  // Of all principals whose rules do not look at constants.
  void compare_keys(const std::string& one, const std::string& other) {
    std::string key, other_key;
    const bool blind = sql::append_blind(one, key);
    const bool other_blind = sql::append_blind(other, other_key);
    if (!blind || !other_blind || key != other_key || one == other) return;
    ++equal_keys_;
    const auto facts = analyzed(one), other_facts = analyzed(other);
    if (facts != other_facts) differ("facts", one, other, facts, other_facts);
    bool allowed = false;
    std::shared_ptr<const session::Analysis> read[2], other_read[2];  // without a catalog, and with
    for (std::size_t i = 0; i < policy_count; ++i) {
      PolicyJudge& judge = *plain_[i];
      if (reads_constants_[i]) continue;
      judge.ready();
      auto& analysis = read[knows_catalog_[i]];
      auto& other_analysis = other_read[knows_catalog_[i]];
      if (!analysis) analysis = judge.analyze(one), other_analysis = judge.analyze(other);
      // Said of such texts alone: nothing of them is kept.
      if (session::rests_on_values(*analysis->script)) break;
      const Judged a = judged_anew(judge, *analysis, TextForm::query);
      const Judged b = judged_anew(judge, *other_analysis, TextForm::query);
      allowed = allowed || !a.refused;
      // Its message quotes the text. Nothing of the kind is ever kept.
      if (is_no_statement(a) && is_no_statement(b) && a.refusal.code == b.refusal.code) break;
      const std::string said = dump(a, false), expected = dump(b, false);
      if (said != expected) differ("verdicts", one, other, said, expected);
      // Of one text: records hold it.
      const std::string record = record_of(a, one, TextForm::query), as_other = record_of(b, one, TextForm::query);
      if (record != as_other) differ("records", one, other, record, as_other);
    }
    if (allowed) ++allowed_;
  }

  void compare_cache(std::size_t principal, const std::string& one, const std::string& other, TextForm form) {
    for (const std::string* text : {&one, &other, &one}) {
      bool known = false;
      const Judged said = judged_by_cache(*cached_[principal], *text, form, known);
      if (!known) continue;
      ++answers_;
      const Judged expected = judged_anew(*plain_[principal], *text, form);
      // Places in the text and shapes are those of the text that was judged, where nothing reads them.
      std::string key;
      const auto view = source_.view("p" + std::to_string(principal), "shop", "shop", monday_noon);
      const bool blind =
          !policy::reads_constants(*view.grants) &&
          (form == TextForm::query ? sql::append_blind(*text, key) : sql::append_uncommented(*text, key));
      if (text == &other && one != other) ++other_texts_;
      const std::string a = dump(said, !blind), b = dump(expected, !blind);
      if (a != b) differ("verdict of the cache and verdict", one, *text, a, b);
      const std::string record = record_of(said, *text, form), as_judged = record_of(expected, *text, form);
      if (record != as_judged) differ("record of the cache and record", one, *text, record, as_judged);
    }
  }

  static bool is_no_statement(const Judged& judged) {
    return judged.refused && judged.refusal.code != sqlstate::insufficient_privilege;
  }

  void reload() {
    if (tried_ > 1) source_.reload();
    for (std::size_t i = 0; i < policy_count; ++i) {
      const auto view = source_.view("p" + std::to_string(i), "shop", "shop", monday_noon);
      reads_constants_[i] = policy::reads_constants(*view.grants);
      knows_catalog_[i] = view.resolver != nullptr;
    }
  }

  static std::string analyzed(const std::string& text) {
    const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{});
    if (result.script) return dump(*result.script, false);
    if (result.parse_error) return std::string(result.parse_error->code.text());
    return result.scan_error->message();
  }

  Statements statements_;
  std::mt19937_64 random_;
  sql::ScanLimits limits_;
  Reloading source_;
  session::VerdictCache cache_{8u << 20};
  std::vector<std::unique_ptr<PolicyJudge>> cached_, plain_;
  bool reads_constants_[policy_count] = {}, knows_catalog_[policy_count] = {};
  std::size_t tried_ = 0, equal_keys_ = 0, allowed_ = 0, answers_ = 0, other_texts_ = 0;
};

}  // namespace
}  // namespace dbgate::tests

int main(int count, char** arguments) {
  std::size_t pairs = 10'000;
  std::uint64_t seed = 1;
  const char* folder = nullptr;
  for (int i = 1; i < count; ++i) {
    const bool value = i + 1 < count;
    if (std::strcmp(arguments[i], "--pairs") == 0 && value) {
      pairs = std::strtoull(arguments[++i], nullptr, 10);
    } else if (std::strcmp(arguments[i], "--seed") == 0 && value) {
      seed = std::strtoull(arguments[++i], nullptr, 10);
    } else {
      folder = arguments[i];
    }
  }
  dbgate::tests::Test(seed, folder).run(pairs);
  return 0;
}
