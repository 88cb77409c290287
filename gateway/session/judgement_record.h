#pragma once
#include <memory>
#include <optional>
#include <string_view>

#include "gateway/audit/records.h"
#include "gateway/policy/verdict.h"
#include "gateway/sql/facts.h"
#include "gateway/telemetry/words.h"

namespace dbgate::session {

/// What audit records say of one judgement. Whoever keeps a judgement to use it again makes an empty one and passes it
/// along; the trail fills it when it first records the judgement. Of one thread.
///
/// It knows what it was rendered from, so a judgement that became another on its way (refused by a limit, judged again)
/// is not recorded as the one before.
struct JudgementRecord {
  std::shared_ptr<const sql::Script> script;
  std::shared_ptr<const policy::Verdict> verdict;
  std::string_view effect;  ///< of static duration
  telemetry::RuleClass rule = telemetry::RuleClass::none;
  std::optional<audit::JudgementText> text;
};

}  // namespace dbgate::session
