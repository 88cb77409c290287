// Input: a configuration file.
#include <algorithm>

#include "config/loader.h"
#include "gateway/policy/engine.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dbgate;
  const std::string_view text = fuzz::as_text(data, size);
  // A file name in the input would be opened: not the place to read devices.
  if (text.find("/dev/") != std::string_view::npos || text.find("/proc/") != std::string_view::npos) return 0;
  const config::Loaded loaded = config::load_text(text, "fuzz.yaml", "/nonexistent");
  const bool error = std::any_of(loaded.problems.begin(), loaded.problems.end(),
                                 [](const config::Problem& problem) { return !problem.warning; });
  DBGATE_FUZZ_CHECK(loaded.config.has_value() != error);
  for (const config::Problem& problem : loaded.problems) {
    DBGATE_FUZZ_CHECK(!problem.text.empty() && problem.line >= 0 && problem.column >= 0);
    DBGATE_FUZZ_CHECK(problem.line_text().starts_with("fuzz.yaml:"));
  }
  if (!loaded.config) return 0;
  const policy::PolicySet policies(*loaded.config);
  for (const config::User& user : loaded.config->users) {
    for (const config::Target& target : loaded.config->targets)
      static_cast<void>(policies.grants(user.name, target.name));
  }
  return 0;
}
