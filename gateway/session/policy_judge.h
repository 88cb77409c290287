#pragma once
#include <string>

#include "gateway/policy/engine.h"
#include "gateway/session/judge.h"
#include "gateway/sql/prescan.h"

namespace dbgate::session {

/// What decides for one user on one target at one moment.
struct PolicyView {
  std::shared_ptr<const policy::Grants> grants;  ///< null: the user may not be here any more
  policy::NameContext names;
  std::uint64_t version = 0;  ///< rises with every change
  std::string version_text;   ///< the content's hash, for audit records
};

/// Where views come from. version() is asked before every use of an old verdict and must be cheap.
class PolicySource {
 public:
  virtual ~PolicySource() = default;
  virtual std::uint64_t version() const = 0;
  virtual PolicyView view(const std::string& user, const std::string& target, const std::string& database) const = 0;
};

/// The analysis of a text, without anybody's rights: facts, or PostgreSQL's words for why it has none.
std::shared_ptr<const Analysis> analyze_text(std::string_view text, const sql::ScanLimits& limits);

/// Judges by the policies in force. Takes a view once, and again whenever the version has changed.
class PolicyJudge final : public Judge {
 public:
  PolicyJudge(const PolicySource& source, std::string user, std::string target, std::string database,
              const sql::ScanLimits& limits);

  std::shared_ptr<const Analysis> analyze(std::string_view text) const override { return analyze_text(text, limits_); }
  Judged judge(const Analysis& analysis, const Names& statements, const Names& portals, Segment now) override;
  Judged judge_function_call() override;
  Judged judge_connection() override;
  Judged judge_replication(std::string_view text) override;
  std::uint64_t version() override { return source_.version(); }

 private:
  const PolicyView& view();
  policy::Verdict decide_named(const sql::Statement& statement, const sql::Script& script, std::size_t index,
                               const Names& statements, const Names& portals, Segment now, Judged& judged);
  Judged verdict_only(policy::Verdict verdict, sql::StatementKind kind, const char* tag);

  const PolicySource& source_;
  std::string user_, target_, database_;
  sql::ScanLimits limits_;
  PolicyView view_;
};

}  // namespace dbgate::session
