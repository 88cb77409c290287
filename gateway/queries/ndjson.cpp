#include "gateway/audit/json.h"
#include "gateway/queries/json_values.h"
#include "gateway/queries/render.h"
#include "gateway/queries/streams.h"

namespace dbgate::queries {
namespace {

using audit::append_field;

// A batch, and what is held for it, ends here or when the server has nothing more to say at the moment.
constexpr std::size_t batch_bytes = 64u << 10;

/// One JSON object on each line: meta for each result, then its rows in batches, notices where they come, a summary.
class Ndjson final : public ports::QueryStream {
 public:
  Ndjson(std::unique_ptr<Run> running, Execution::Step first) : running_(std::move(running)), step_(first) {}

  const std::string& id() const override { return running_->query->summary.id; }
  const char* content_type() const override { return "application/x-ndjson"; }

  Task<Result<bool>> next(std::string& chunk) override {
    while (!over_) {
      const Execution::Step step = step_ ? *std::exchange(step_, {}) : co_await running_->next();
      on_step(step, chunk);
      const bool enough = over_ || chunk.size() >= batch_bytes || !running_->execution.at_hand();
      if (!enough || chunk.empty()) continue;
      close_batch(chunk);
      co_return true;
    }
    co_return false;
  }

 private:
  void on_step(Execution::Step step, std::string& out) {
    if (step != Execution::Step::row) close_batch(out);
    switch (step) {
      case Execution::Step::columns:
        append_meta(out);
        break;
      case Execution::Step::row:
        append_row(out);
        break;
      case Execution::Step::notice:
        append_notice(out);
        break;
      case Execution::Step::command:
        break;
      case Execution::Step::end:
        append_summary(out);
        over_ = true;
        break;
    }
  }

  void append_meta(std::string& out) {
    out += R"({"type":"meta","query_id":)";
    audit::append_json_string(out, id());
    append_field(out, "target", running_->query->summary.target);
    append_field(out, "result", std::uint64_t{running_->query->summary.results.size() - 1});
    out += ",\"columns\":";
    append_columns(out, running_->execution.columns());
    if (const auto noted = running_->execution.decision()) {
      out += ",\"decision\":";
      append_decision(out, noted->decision);
    }
    out += "}\n";
  }

  void append_row(std::string& out) {
    out += in_batch_ ? "," : R"({"type":"rows","rows":[)";
    in_batch_ = true;
    out += '[';
    const Cells& cells = running_->execution.cells();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) out += ',';
      append_json_value(out, running_->execution.columns()[i].type_oid, cells[i]);
    }
    out += ']';
  }

  void close_batch(std::string& out) {
    if (std::exchange(in_batch_, false)) out += "]}\n";
  }

  void append_notice(std::string& out) {
    const ServerMessage& notice = running_->execution.notice();
    out += R"({"type":"notice","severity":)";
    audit::append_json_string(out, notice.severity);
    append_field(out, "sqlstate", notice.sqlstate);
    append_field(out, "message", notice.message);
    if (!notice.detail.empty()) append_field(out, "detail", notice.detail);
    if (!notice.hint.empty()) append_field(out, "hint", notice.hint);
    out += "}\n";
  }

  void append_summary(std::string& out) {
    const ports::QuerySummary& query = running_->query->summary;
    std::uint64_t rows = 0;
    bool truncated = false;
    for (const ports::QueryResult& result : query.results) {
      rows += result.rows;
      truncated = truncated || result.truncated;
    }
    out += R"({"type":"summary",)";
    append_query_members(out, query);
    append_field(out, "rows", rows);
    out += truncated ? ",\"truncated\":true" : ",\"truncated\":false";
    append_field(out, "command_tag", query.results.empty() ? std::string_view() : query.results.back().tag);
    out += "}\n";
  }

  const std::unique_ptr<Run> running_;
  std::optional<Execution::Step> step_;
  bool in_batch_ = false;
  bool over_ = false;
};

}  // namespace

std::unique_ptr<ports::QueryStream> make_ndjson_stream(std::unique_ptr<Run> run, Execution::Step first) {
  return std::make_unique<Ndjson>(std::move(run), first);
}

}  // namespace dbgate::queries
