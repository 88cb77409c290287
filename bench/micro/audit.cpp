#include <string>

#include "bench/micro/allocations.h"
#include "bench/micro/statements.h"
#include "gateway/audit/chain.h"
#include "gateway/audit/records.h"
#include "gateway/audit/text.h"
#include "gateway/policy/verdict.h"
#include "gateway/session/audit_trail.h"
#include "gateway/sql/analyze.h"

namespace dbgate::bench {
namespace {

/// Seals records and throws them away: what they cost before they reach a file.
class SealedOnly final : public ports::AuditChain {
 public:
  Result<> append(std::string_view event, std::string_view fields) override {
    chain_.seal(buffer_, event, fields);
    if (buffer_.size() > 64 * 1024) buffer_.clear();
    return boost::system::in_place_value;
  }
  Result<std::string> store_text(std::string_view text) override { return audit::sha256_hex(text); }
  Result<Ticket> commit() override { return Ticket{}; }
  Result<> write_out() override { return boost::system::in_place_value; }
  bool is_durable(Ticket) const override { return true; }
  void when_durable(Ticket, std::function<void()> done) override { done(); }
  bool sync_required() const override { return false; }

 private:
  audit::Chain chain_{"w0"};
  audit::Text buffer_;
};

session::SessionInfo client() {
  session::SessionInfo info;
  info.id = "ses_0123456789abcdef";
  info.user = "analyst";
  info.auth_method = "scram-sha-256";
  info.client = {"127.0.0.1", 54321};
  info.application = "pgbench";
  info.target = "shop";
  info.db_system = "postgresql";
  info.database = "shop";
  info.server_host = "127.0.0.1";
  info.server_port = 5432;
  info.upstream_user = "app";
  return info;
}

// Both records of a statement: what was decided, and what came of it. `again`: the judgement is one that was kept.
void audit_statement(benchmark::State& state, const std::string& text, bool again) {
  SealedOnly chain;
  session::AuditTrail trail(chain, client(), "sha256:0123456789abcdef");
  session::Judged judged;
  judged.script = std::make_shared<const sql::Script>(std::move(*sql::analyze(text, sql::ScanLimits{}).script));
  policy::Verdict verdict;
  verdict.decision = policy::Decision::allow;
  verdict.rule_id = "analysts-read/allow[0]";
  judged.verdict = std::make_shared<const policy::Verdict>(std::move(verdict));
  if (again) judged.record = std::make_shared<session::JudgementRecord>();
  const CountAllocations count(state);
  for (auto _ : state) {
    auto id = trail.decided(judged, text, "simple", "");
    if (!id) std::abort();
    session::Run run;
    run.query_id = *id;
    run.tags = "SELECT 1";
    trail.done(run, "00000");
  }
}
BENCHMARK_CAPTURE(audit_statement, one_table_new, std::string(one_table), false);
BENCHMARK_CAPTURE(audit_statement, one_table_again, std::string(one_table), true);
BENCHMARK_CAPTURE(audit_statement, six_tables_new, std::string(six_tables), false);
BENCHMARK_CAPTURE(audit_statement, six_tables_again, std::string(six_tables), true);

}  // namespace
}  // namespace dbgate::bench
