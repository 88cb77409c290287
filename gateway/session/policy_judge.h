#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "gateway/policy/engine.h"
#include "gateway/policy/treat.h"
#include "gateway/ports/risk_model.h"
#include "gateway/risk/assess.h"
#include "gateway/session/advice.h"
#include "gateway/session/bursts.h"
#include "gateway/session/judge.h"
#include "gateway/session/verdict_cache.h"
#include "gateway/sql/prescan.h"
#include "gateway/telemetry/counter.h"

namespace dbgate::session {

/// What decides for one user on one target at one moment.
struct PolicyView {
  std::shared_ptr<const policy::Grants> grants;  ///< null: the user may not be here any more
  policy::NameContext names;                     ///< its resolver is this one's
  std::shared_ptr<const catalog::Snapshot> catalog;
  std::shared_ptr<const catalog::Resolver> resolver;
  std::shared_ptr<const catalog::Closure> closure;  ///< only where rules deny or hide
  ServerSettings settings;                          ///< what the server must have been told for masks and filters
  std::shared_ptr<Burst> burst;                     ///< of the user; null: nobody counts
  bool tracks = false;                              ///< results of reads are kept: statements' footprints are needed
  std::shared_ptr<const catalog::Closure> tracked;  ///< … of the catalog as it is; null: not known
  bool passes_on = false;  ///< server connections go from one principal to the next: what is left on them counts
  std::shared_ptr<const policy::Residues> seen_through;  ///< … as far as the catalog tells; null: it is not known
  bool ready = true;          ///< false: the catalog is needed, and is missing or about to be read again
  std::uint64_t version = 0;  ///< rises with every change
  /// Seconds since 1970 UTC, the end excluded: outside, rules with a time window may decide otherwise.
  std::int64_t from = INT64_MIN;
  std::int64_t until = INT64_MAX;
  std::string version_text;                 ///< the content's hash, for audit records
  std::shared_ptr<ports::RiskModel> model;  ///< what rules are unsure of is asked here; null: they have the last word
  bool model_names = false;                 ///< names of tables and columns may be told
};

/// Where views come from. version() is asked before every use of an old verdict and must be cheap.
class PolicySource {
 public:
  virtual ~PolicySource() = default;
  virtual std::uint64_t version() const = 0;
  /// @param now seconds since 1970 UTC
  virtual PolicyView view(const std::string& user, const std::string& target, const std::string& database,
                          std::int64_t now) const = 0;
  /// The catalog has changed: views are not ready until it has been read again.
  virtual void catalog_changed(const std::string& target, const std::string& database) const = 0;
};

/// Seconds since 1970 UTC.
using Clock = std::function<std::int64_t()>;
std::int64_t system_clock_seconds() noexcept;

/// The analysis of a text, without anybody's rights: facts, or PostgreSQL's words for why it has none.
/// @param keep_text  with the text, however long
std::shared_ptr<Analysis> analyze_text(std::string_view text, const sql::ScanLimits& limits,
                                       const catalog::Resolver* resolver = nullptr, bool keep_text = false,
                                       const sql::ValuesWanted* wanted = nullptr);

/// What the client is told of a verdict that denies.
Refusal denial(const policy::Verdict& verdict);

/// Whether others may be asked before it runs: what ends transactions, forgets names or only makes a name never waits;
/// EXECUTE and DECLARE do.
bool may_wait(const sql::Statement& statement);

/// Whether what the rules of risk say of it may be another for another text of the same key (sql/text_key.h).
bool rests_on_values(const sql::Script& script);

/// Judges by the policies in force. Takes a view once, and again whenever the version has changed or its time is over.
class PolicyJudge : public Judge {
 public:
  /// @param server_version  as the server reports it; of a newer one, syntax may come that nobody here can read
  /// @param given  what the server connection was told when it was made; without one, statements do not depend on it
  /// @param cache  of the thread that judges, which must outlive this; null: every text is judged anew
  PolicyJudge(const PolicySource& source, std::string user, std::string target, std::string database,
              const sql::ScanLimits& limits, const std::string& server_version = {},
              std::optional<ServerSettings> given = {}, Clock clock = system_clock_seconds,
              VerdictCache* cache = nullptr);

  void see(const LockWatch& locks, const policy::MovedNames* moved) override;
  bool keeps_settings(const PathWatch& paths) override;
  /// How long judging takes is counted there, on the thread that judges; must outlive this. What is recalled is not
  /// judged.
  void time_by(telemetry::ShortDurations& evaluations) noexcept { evaluations_ = &evaluations; }
  /// What is judged from now on is not run by anybody: it does not count as an attempt.
  void only_asks() noexcept { counts_ = false; }
  bool ready() override { return view().ready; }
  std::shared_ptr<const Analysis> analyze(std::string_view text) const override;
  bool reduces_errors() override { return view().grants && policy::shows_part(*view_.grants); }
  bool rewrites() override { return view().grants && policy::hides(*view_.grants); }
  bool stands(const Prepared& prepared) override;
  Stands still_stands(const Queued& queued, std::size_t from) override;
  bool hides() override { return view().grants && policy::hides(*view_.grants); }
  bool looks_at_values() override { return view().grants && policy::values_wanted(*view_.grants) != nullptr; }
  AnalysisWork analysis_work(std::string_view text) const override;
  void catalog_changed() override { source_.catalog_changed(target_, database_); }
  Judged judge(const Analysis& analysis, const Names& statements, const Names& portals, Segment now) override {
    return judge_bound(analysis, nullptr, statements, portals, now);
  }
  Judged judge_bound(const Analysis& analysis, const BoundValues* values, const Names& statements, const Names& portals,
                     Segment now) override;
  Judged recall(std::string_view text, TextForm form) override;
  void remember(std::string_view text, TextForm form, const Analysis& analysis, const Judged& judged) override;
  bool advise(Judged& judged, const Heard* heard) override;
  void add_premises(std::string& key) override;
  bool may_hear(const std::string& channel) override;
  std::string digest_of_hold(const policy::Hold& hold, std::string_view text, std::string_view values) override;
  std::string meaning_of_names(const sql::Script& script) override;
  Judged judge_function_call() override;
  Judged judge_connection() override;
  Judged judge_replication(std::string_view text) override;
  /// What the rules of risk say of a whole text, with all that speaks up; whether policies allow it is another
  /// question.
  risk::Assessment rate(const Analysis& analysis);
  /// Numbers views, not versions of the source: a window that opens or closes is a change like any other. No two views
  /// of a thread have the same number, as verdicts may outlive the judge that has spoken them.
  std::uint64_t version() override {
    view();
    return views_;
  }

 protected:
  /// Puts masks and filters into a text that is allowed, or refuses it. Only for principals that have some.
  virtual void rewrite_into(const Analysis& analysis, policy::Verdict& verdict, Judged& judged);
  static void refuse(std::string why, std::string hint, std::string rule_id, policy::Verdict& verdict, Judged& judged);
  /// The one that is being judged by.
  const PolicyView& current() const noexcept { return view_; }

 private:
  Judged evaluate(const Analysis& analysis, const BoundValues* values, const Names& statements, const Names& portals,
                  Segment now);
  const PolicyView& view();
  void let_names_move();
  const catalog::Resolver* reader() const;
  void track(Judged& judged) const;
  policy::Residue residue_of(const sql::Script& script) const;
  bool only_reads(const sql::Script& script, const policy::Verdict& verdict, const Judged& asked) const;
  static Refusal fetch_from_portal(const std::string& name);
  void gate(const policy::CommitGatePtr& gate, policy::Verdict& verdict, Judged& judged);
  bool may_set(std::string_view name, const std::vector<std::string>& values) const;
  bool server_knows_enough() const;
  bool uses_cache();
  const std::string* key_of(std::string_view text, TextForm form) const;
  policy::Verdict decide_named(const sql::Statement& statement, const BoundValues* values, const sql::Script& script,
                               std::size_t index, const Names& statements, const Names& portals, Segment now,
                               Judged& judged);
  risk::Circumstances circumstances(const policy::RiskGrants& granted, const sql::Statement& statement,
                                    std::size_t statements) const;
  bool bursts() const;
  bool still_passes(const sql::Script& script, std::size_t from, const BoundValues* values, bool agreed) const;
  bool still_sent(const Queued& queued, std::size_t from) const;
  bool is_sent_as_then(const Sent& sent) const;
  void count(const Judged& judged, const policy::Verdict& verdict) const;
  /// How a rating has come about, in words, and what to do instead.
  struct Rated {
    std::string how;  ///< "by DML-01: UPDATE or DELETE without WHERE"
    std::string remedy;
  };
  void weigh(const sql::Statement& statement, std::size_t statements, policy::Verdict& verdict, Judged* judged) const;
  void act_on(const policy::RiskGrants& granted, risk::Level level, const Rated& rated, policy::Verdict& verdict) const;
  // … and what models add to it (policy_judge_models.cpp).
  void doubt(const sql::Statement& statement, const risk::Circumstances& around, risk::Level level,
             Judged& judged) const;
  std::optional<Answered> opinion_on(const Advice& advice, std::size_t place, const Heard* heard) const;
  void settle(const policy::RiskGrants& granted, const Doubt& doubt, const ports::RiskOpinion& opinion,
              policy::Verdict& verdict) const;
  policy::Verdict decide_executed(const sql::Statement& prepared, const std::vector<std::uint32_t>& types,
                                  const sql::Statement& execute) const;
  bool explains_hidden(const sql::Statement& statement, const sql::Statement* earlier, const Prepared* named) const;
  std::string suggestion_for(const sql::Statement& denied, const Analysis& analysis) const;
  Judged verdict_only(policy::Verdict verdict, sql::StatementKind kind, const char* tag);

  const PolicySource& source_;
  const std::string newer_syntax_hint_;  // empty: the server's grammar is ours or older
  std::string user_, target_, database_;
  sql::ScanLimits limits_;
  std::optional<ServerSettings> given_;
  Clock clock_;
  PolicyView view_;
  std::uint64_t views_;
  bool counts_ = true;
  telemetry::ShortDurations* evaluations_ = nullptr;  // null: nobody wants to know
  LockWatch seen_;                                    // of the session …
  LockWatch then_;  // … and when the statement of a text that is being judged will run
  policy::MovedNames moved_seen_, moved_then_;
  std::string_view strays_;                              // a setting that is not kept: see keeps_settings(), …
  std::pair<std::uint64_t, std::uint64_t> strays_at_{};  // … of the view and the settings numbered so
  VerdictCache* const cache_;
  VerdictCache::Use cached_;        // of the view numbered …
  std::uint64_t cached_views_ = 0;  // … this
};

}  // namespace dbgate::session
