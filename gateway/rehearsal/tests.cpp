#include "gateway/rehearsal/tests.h"

#include <algorithm>

namespace dbgate::rehearsal {
namespace {

std::string mismatch_of(const config::PolicyTest& test, const Outcome& outcome) {
  if (outcome.effect != test.expect) {
    std::string why = "expected " + test.expect + ", got " + outcome.effect;
    if (!outcome.rule.empty()) why += " by " + outcome.rule;
    const std::string& reason = outcome.reasons.empty() ? outcome.message : outcome.reasons.back();
    return reason.empty() ? why : why + ": " + reason;
  }
  if (!test.rule.empty() && outcome.rule != test.rule) {
    return "expected rule " + test.rule + ", got " + outcome.rule;
  }
  const auto has = [&test](const std::string& reason) { return reason.find(test.reason) != std::string::npos; };
  if (test.reason.empty() || std::any_of(outcome.reasons.begin(), outcome.reasons.end(), has)) return {};
  return "no reason has \"" + test.reason + "\"" +
         (outcome.reasons.empty() ? std::string() : ": " + outcome.reasons.back());
}

}  // namespace

std::vector<TestResult> run_tests(const config::Config& config, const std::vector<config::PolicyTest>& tests,
                                  std::int64_t now) {
  const Rehearsal rehearsal(config);
  std::vector<TestResult> results;
  for (const config::PolicyTest& test : tests) {
    TestResult result{test, rehearsal.judge(test.user, test.target, test.sql, test.at.value_or(now)), {}};
    result.mismatch = mismatch_of(test, result.outcome);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace dbgate::rehearsal
