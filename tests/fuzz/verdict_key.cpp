// Input: 8 bytes to choose constants by, and a statement text. The text and another one of the same key have the same
// facts and verdicts, and a cache that has judged the one says of the other what judging it says.
#include <cstring>

#include "gateway/sql/analyze.h"
#include "gateway/sql/text_key.h"
#include "tests/fuzz/check.h"
#include "tests/verdicts/dump.h"
#include "tests/verdicts/policies.h"
#include "tests/verdicts/statements.h"

namespace {

using namespace dbgate;
using session::Judged;
using session::PolicyJudge;
using session::TextForm;

struct Judges {
  tests::Reloading source;
  session::VerdictCache cache{256u << 10};
  std::vector<std::unique_ptr<PolicyJudge>> cached, plain;

  Judges() {
    const auto clock = [] { return std::int64_t{1795392000}; };
    for (std::size_t i = 0; i < tests::policy_count; ++i) {
      const std::string user = "p" + std::to_string(i);
      cached.push_back(std::make_unique<PolicyJudge>(source, user, "shop", "shop", sql::ScanLimits{}, "", std::nullopt,
                                                     clock, &cache));
      plain.push_back(
          std::make_unique<PolicyJudge>(source, user, "shop", "shop", sql::ScanLimits{}, "", std::nullopt, clock));
    }
  }
};

Judged judged(PolicyJudge& judge, std::string_view text, bool& known) {
  static const session::BoundValues nothing;
  static const session::Names names;
  Judged result = judge.recall(text, TextForm::query);
  known = result.script != nullptr;
  if (known) return result;
  const auto analysis = judge.analyze(text);
  result = judge.judge_bound(*analysis, &nothing, names, names, 0);
  judge.remember(text, TextForm::query, *analysis, result);
  return result;
}

std::string facts(const std::string& text) {
  const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{});
  if (result.script) return tests::dump(*result.script, false);
  return std::string(result.parse_error ? result.parse_error->code.text() : result.scan_error->code().text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Judges judges;
  std::uint64_t seed = 0;
  if (size < sizeof seed) return 0;
  std::memcpy(&seed, data, sizeof seed);
  const std::string text(fuzz::as_text(data + sizeof seed, size - sizeof seed));
  tests::Statements statements(seed);
  std::string key, other_key;
  const bool blind = sql::append_blind(text, key);
  const std::string other = blind ? statements.of_key(key) : statements.with_other_constants(text);
  if (blind) {
    DBGATE_FUZZ_CHECK(sql::append_blind(other, other_key) && key == other_key);
    DBGATE_FUZZ_CHECK(facts(text) == facts(other));
  }
  for (std::size_t i = 0; i < tests::policy_count; ++i) {
    for (const std::string* one : {&text, &other, &text}) {
      bool known = false, never = false;
      const Judged said = judged(*judges.cached[i], *one, known);
      if (!known) continue;
      const Judged expected = judged(*judges.plain[i], *one, never);
      DBGATE_FUZZ_CHECK(tests::dump(said, !blind) == tests::dump(expected, !blind));
    }
  }
  return 0;
}
