#include "gateway/risk/assess.h"

#include <algorithm>

#include "gateway/risk/report.h"

namespace dbgate::risk {
namespace {

const sql::Signs no_signs;

/// Rules that have something to look at together: most statements have nothing for most of them.
struct Family {
  std::span<const Check> (*checks)();
  bool of_text;  ///< looks at what is written, whether it runs or is planned only
  bool (*concerns)(const Report& report);
};
constexpr auto with_signs = [](const Report& report) { return report.statement.signs != nullptr; };
constexpr auto with_actions = [](const Report& report) {
  return !report.signs.actions.empty() || !report.statement.settings.empty();
};
constexpr auto with_all = [](const Report&) { return true; };
constexpr auto with_behaviour = [](const Report& report) {
  return report.circumstances.unknown_shape || report.circumstances.bursts;
};
constexpr auto with_functions = [](const Report& report) {
  return !report.statement.functions.empty() || !report.signs.actions.empty() || report.has(sql::Effect::server_file) ||
         report.has(sql::Effect::server_program);
};
constexpr Family families[] = {{statement_checks, true, with_all},      {change_checks, false, with_signs},
                               {read_checks, false, with_all},          {function_checks, false, with_functions},
                               {injection_checks, true, with_signs},    {behaviour_checks, true, with_behaviour},
                               {privilege_checks, false, with_actions}, {definition_checks, false, with_actions}};

// A fifth of the scale for each level; within it, further hits count a little.
unsigned score_of(Level level, const std::vector<Hit>& hits) {
  constexpr unsigned step = 20, most = 19;
  unsigned further = 0;
  for (const Hit& hit : hits)
    further += 1 + 2 * static_cast<unsigned>(hit.level);
  const unsigned own = hits.empty() ? 0 : 1 + 2 * static_cast<unsigned>(level);
  return static_cast<unsigned>(level) * step + std::min(most, further - own);
}

Assessment finished(std::vector<Hit> hits) {
  Assessment assessment;
  std::stable_sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.level > b.level; });
  assessment.hits = std::move(hits);
  if (!assessment.hits.empty()) assessment.level = assessment.hits.front().level;
  assessment.score = score_of(assessment.level, assessment.hits);
  return assessment;
}

}  // namespace

Report::Report(const sql::Statement& statement_, const Circumstances& circumstances_)
    : statement(statement_), signs(statement_.signs ? *statement_.signs : no_signs), circumstances(circumstances_) {}

bool Report::knows_indexes() const {
  if (circumstances.resolver == nullptr) return false;
  const auto unreadable = circumstances.resolver->snapshot().unreadable();
  return std::find(unreadable.begin(), unreadable.end(), "pg_index") == unreadable.end();
}

Level Report::by_size(Level level, const sql::QualifiedName& name) const {
  const double count = rows(name);
  if (count >= 0 && count < circumstances.sizes.small_table) return lowered(level);
  return count >= circumstances.sizes.huge_table ? raised(level) : level;
}

void Report::hit(const Rule& rule, Level level, std::string about) {
  for (const Hit& earlier : hits) {
    if (earlier.rule == &rule && earlier.level >= level && earlier.about == about) return;
  }
  hits.push_back({&rule, level, std::move(about)});
}

Assessment assess(const sql::Statement& statement, const Circumstances& circumstances) {
  Report report(statement, circumstances);
  const bool planned = report.signs.has(sql::Sign::plan_only);
  for (const Family& family : families) {
    if ((planned && !family.of_text) || !family.concerns(report)) continue;
    for (const Check& check : family.checks())
      check.look(check.rule, report);
  }
  return finished(std::move(report.hits));
}

Assessment together(std::vector<Assessment> parts) {
  Assessment all;
  for (Assessment& part : parts) {
    for (Hit& hit : part.hits) {
      const bool known = std::any_of(all.hits.begin(), all.hits.end(), [&hit](const Hit& earlier) {
        return earlier.rule == hit.rule && earlier.level >= hit.level && earlier.about == hit.about;
      });
      if (!known) all.hits.push_back(std::move(hit));
    }
  }
  return finished(std::move(all.hits));
}

Assessment assess_unreadable(Caller caller) {
  const Rule& rule = unreadable_rule();
  return finished({{&rule, rule.of(caller), {}}});
}

std::vector<const Rule*> all_rules() {
  std::vector<const Rule*> rules;
  for (const Family& family : families) {
    for (const Check& check : family.checks())
      rules.push_back(&check.rule);
  }
  return rules;
}

}  // namespace dbgate::risk
