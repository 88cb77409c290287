#include <stdlib.h>

#include <filesystem>
#include <string>

#include "bench/micro/allocations.h"
#include "bench/micro/statements.h"
#include "gateway/adapters/file_audit.h"
#include "gateway/audit/chain.h"
#include "gateway/audit/records.h"
#include "gateway/audit/text.h"
#include "gateway/policy/verdict.h"
#include "gateway/session/audit_trail.h"
#include "gateway/session/bind_records.h"
#include "gateway/sql/analyze.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::bench {
namespace {

/// Seals records and throws them away: what they cost before they reach a file.
class SealedOnly final : public ports::AuditChain {
 public:
  Result<> append(std::string_view event, std::string_view fields) override {
    return append_from(chain_.start(event, {}), fields);
  }
  audit::RecordStart start_of(std::string_view event, std::string_view fields) const override {
    return chain_.start(event, fields);
  }
  Result<> append_from(const audit::RecordStart& start, std::string_view fields) override {
    chain_.seal(buffer_, start, fields);
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
void record_statements(benchmark::State& state, ports::AuditChain& chain, const std::string& text, bool again) {
  telemetry::TargetCounters counters;
  session::AuditTrail trail(chain, client(), "sha256:0123456789abcdef", counters);
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
    if (!id || !chain.commit()) std::abort();
    session::Run run;
    run.query_id = *id;
    run.tags = "SELECT 1";
    trail.done(run, "00000");
  }
}
void audit_statement(benchmark::State& state, const std::string& text, bool again) {
  SealedOnly chain;
  record_statements(state, chain, text, again);
}
BENCHMARK_CAPTURE(audit_statement, one_table_new, std::string(one_table), false);
BENCHMARK_CAPTURE(audit_statement, one_table_again, std::string(one_table), true);
BENCHMARK_CAPTURE(audit_statement, six_tables_new, std::string(six_tables), false);
BENCHMARK_CAPTURE(audit_statement, six_tables_again, std::string(six_tables), true);

// The same with acceptance, as for the only session of a worker: a commit for each statement.
void accept_statement(benchmark::State& state, ports::Pace pace) {
  std::string directory = (std::filesystem::temp_directory_path() / "dbgate-bench-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) std::abort();
  {
    const auto log = adapters::open_file_audit({.directory = directory});
    const auto chain = log ? (*log)->open_chain("w0", pace) : log.error();
    if (!chain) std::abort();
    record_statements(state, **chain, std::string(one_table), true);
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK_CAPTURE(accept_statement, by_write, ports::Pace::rare);
BENCHMARK_CAPTURE(accept_statement, by_tail, ports::Pace::steady);

// What one Bind with an int4 parameter adds, in text format or binary.
void record_bind(benchmark::State& state, bool binary, const char* portal) {
  const std::int16_t formats[] = {binary ? std::int16_t{1} : std::int16_t{0}};
  const std::string text = binary ? std::string("\0\1\2\3", 4) : "66051";
  const protocol::Value values[] = {protocol::as_bytes(text)};
  std::string format_storage;
  std::string value_storage;
  protocol::frontend::Bind bind;
  bind.portal = portal;
  bind.parameter_formats = protocol::Repeated<std::int16_t>::lay_out(formats, format_storage);
  bind.parameters = protocol::Repeated<protocol::Value>::lay_out(values, value_storage);
  const std::string message = protocol::encoded(bind);
  const protocol::Bytes body = protocol::as_bytes(message).subspan(protocol::MessageHeader::bytes);
  session::BindRecords records(session::ParameterRecord::values);
  const CountAllocations count(state);
  for (auto _ : state) {
    records.take(body);
    benchmark::DoNotOptimize(records.latest());
  }
}
BENCHMARK_CAPTURE(record_bind, int4_text, false, "");
BENCHMARK_CAPTURE(record_bind, int4_binary, true, "");
BENCHMARK_CAPTURE(record_bind, named_portal, true, "a portal with a name");

}  // namespace
}  // namespace dbgate::bench
