#include "gateway/risk/reference.h"

#include "gateway/risk/assess.h"

namespace dbgate::risk {

std::string reference() {
  std::string page =
      "| id | rule | person | service | agent | why | instead |\n| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const Rule* const rule : all_rules()) {
    page += std::string("| ") + rule->id + " | " + rule->title;
    for (const Level level : {rule->person, rule->service, rule->agent})
      page += " | " + std::string(word_of(level));
    page += std::string(" | ") + rule->why + " | " + rule->remedy + " |\n";
  }
  return page;
}

}  // namespace dbgate::risk
