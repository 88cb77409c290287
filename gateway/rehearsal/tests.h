#pragma once
#include <string>
#include <vector>

#include "gateway/rehearsal/rehearsal.h"

namespace dbgate::rehearsal {

struct TestResult {
  config::PolicyTest test;
  Outcome outcome;
  std::string mismatch;  ///< empty: as expected
};

/// Judges every test by the configuration. Call inside Rehearsal::run().
/// @param now for tests without a time; seconds since 1970 UTC
std::vector<TestResult> run_tests(const config::Config& config, const std::vector<config::PolicyTest>& tests,
                                  std::int64_t now);

}  // namespace dbgate::rehearsal
