#include "gateway/rehearsal/learn.h"

#include <set>

#include "gateway/audit/json.h"

namespace dbgate::rehearsal {
namespace {

// A string of JSON is one of YAML; "${" would be replaced by a variable.
std::string yaml_string(const std::string& text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "${") == 0) escaped += '$';
    escaped += text[i];
  }
  std::string quoted;
  audit::append_json_string(quoted, escaped);
  return quoted;
}

bool is_on(const Asked& asked, const std::string& target) {
  return asked.target == target || asked.target.starts_with(target + "/");
}

}  // namespace

Proposal propose(const History& history, const std::string& user, const std::string& target) {
  Proposal proposal;
  std::set<std::string> shapes;
  for (const Asked& asked : history.asked) {
    if (asked.user != user || !is_on(asked, target) || asked.shapes.empty() || !asked.passed) continue;
    ++proposal.texts;
    if (asked.harmless && asked.shapes.size() == 1) continue;  // BEGIN and the like need no listing
    shapes.insert(asked.shapes.begin(), asked.shapes.end());
    if (shapes.erase("") > 0) ++proposal.unlisted;
  }
  proposal.shapes.assign(shapes.begin(), shapes.end());
  if (shapes.empty()) return proposal;
  proposal.yaml = "allow:\n  - statements:\n";
  for (const std::string& shape : shapes)
    proposal.yaml += "      - " + yaml_string(shape) + "\n";
  return proposal;
}

}  // namespace dbgate::rehearsal
