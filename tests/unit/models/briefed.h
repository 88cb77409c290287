#pragma once
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/models/brief.h"
#include "tests/unit/risk/shop.h"

namespace dbgate::models {

/// Statements as models get them, over the catalog of risk::Shop.
class Briefed {
 public:
  /// One for each statement of the text; none for what is no statement.
  std::vector<Brief> of(std::string_view text, const BriefOptions& options = {},
                        risk::Caller caller = risk::Caller::agent) const {
    const risk::Circumstances circumstances = shop_.circumstances(caller);
    const sql::ValuesWanted values;
    const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{}, circumstances.resolver, &values);
    std::vector<Brief> briefs;
    if (!result.script) return briefs;
    for (const sql::Statement& statement : result.script->statements)
      briefs.push_back(make_brief(statement, circumstances, options));
    return briefs;
  }
  std::string body(std::string_view text, const BriefOptions& options = {}) const {
    const auto briefs = of(text, options);
    return briefs.size() == 1 ? briefs.front().body : "not one statement";
  }
  std::string key(std::string_view text, const BriefOptions& options = {}) const {
    const auto briefs = of(text, options);
    return briefs.size() == 1 ? briefs.front().key : "not one statement";
  }

 private:
  risk::Shop shop_;
};

/// The lines of tests/support/injection_strings.txt.
inline std::vector<std::string> injection_strings() {
  std::vector<std::string> lines;
  std::ifstream file(TESTS_DIR "/support/injection_strings.txt");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("# ")) lines.push_back(line);
  }
  return lines;
}

}  // namespace dbgate::models
