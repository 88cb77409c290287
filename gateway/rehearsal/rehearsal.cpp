#include "gateway/rehearsal/rehearsal.h"

#include <algorithm>

#include "gateway/base/thread.h"
#include "gateway/policy/treat_by_names.h"
#include "gateway/sql/analyze.h"

namespace dbgate::rehearsal {
namespace {

/// Without a catalog no text can be rewritten: says whether it would be. Nothing that comes out of here could be sent.
class NamesJudge final : public session::PolicyJudge {
 public:
  using PolicyJudge::PolicyJudge;
  bool treated() const noexcept { return treated_; }

 private:
  void rewrite_into(const session::Analysis& analysis, policy::Verdict& verdict, session::Judged& judged) override {
    policy::ByNames found = policy::treat_by_names(*current().grants, *analysis.script, current().names);
    treated_ = found.treated;
    if (found.denied.empty()) return;
    refuse(std::move(found.denied), std::move(found.hint), std::move(found.rule_id), verdict, judged);
  }

  bool treated_ = false;
};

}  // namespace

/// The policies of a configuration that never changes.
class Rehearsal::Source final : public session::PolicySource {
 public:
  explicit Source(const config::Config& config) : config_(config), policies_(config) {}

  std::uint64_t version() const override { return 1; }
  session::PolicyView view(const std::string& user, const std::string& target, const std::string& database,
                           std::int64_t now) const override {
    session::PolicyView view;
    view.version = 1;
    view.version_text = config_.version;
    view.names.database = database;
    const auto found = std::find_if(config_.targets.begin(), config_.targets.end(),
                                    [&target](const config::Target& one) { return one.name == target; });
    if (found == config_.targets.end()) return view;
    view.names.search_path = found->search_path;
    if (view.names.database.empty()) view.names.database = found->upstream.database;
    const policy::TimedGrants timed = policies_.grants_at(user, target, now);
    view.grants = timed.grants;
    view.from = timed.from;
    view.until = timed.until;
    return view;
  }
  void catalog_changed(const std::string&, const std::string&) const override {}

 private:
  const config::Config& config_;
  policy::PolicySet policies_;
};

Rehearsal::Rehearsal(const config::Config& config) : config_(config), source_(std::make_unique<Source>(config)) {}
Rehearsal::~Rehearsal() = default;

Outcome Rehearsal::judge(const std::string& user, const std::string& target, const std::string& text,
                         std::int64_t at) const {
  const std::size_t slash = target.find('/');
  const std::string name = target.substr(0, slash);
  const std::string database = slash == std::string::npos ? std::string() : target.substr(slash + 1);
  Outcome outcome;
  if (!source_->view(user, name, database, at).grants) {
    outcome.effect = "error";
    outcome.message = "there is no target \"" + target + "\" for user \"" + user + "\"";
    return outcome;
  }
  sql::ScanLimits limits;
  limits.max_bytes = config_.limits.max_statement_bytes;
  limits.max_tokens = config_.limits.max_tokens;
  limits.max_nesting = config_.limits.max_nesting;
  limits.max_parts = config_.limits.max_parts;
  NamesJudge judge(*source_, user, name, database, limits, {}, {}, [at] { return at; });
  const session::Judged judged = judge.judge(*judge.analyze(text), {}, {}, 0);
  outcome.effect = session::effect_of(judged);
  if (outcome.effect == "allow" && judge.treated()) outcome.effect = "mask";
  outcome.rule = judged.verdict->rule_id;
  outcome.reasons = judged.verdict->reasons;
  outcome.message = judged.refusal.message;
  return outcome;
}

Result<> Rehearsal::run(const std::function<void()>& work) {
  DBGATE_CHECK(sql::self_test());
  const Thread thread(2 * sql::required_stack_bytes, work);
  return boost::system::in_place_value;
}

}  // namespace dbgate::rehearsal
