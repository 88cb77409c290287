#include "gateway/queries/format.h"
#include "gateway/queries/streams.h"

namespace dbgate::queries {
namespace {

using Kind = ports::QueryFailureKind;

constexpr std::size_t chunk_bytes = 64u << 10;

/// One result as a file. What is not whole must not look whole: any failure breaks it off.
class Export final : public ports::QueryStream {
 public:
  Export(std::unique_ptr<Run> running, Execution::Step first, const ports::ExportOptions& options)
      : running_(std::move(running)),
        step_(first),
        format_(make_format(options)),
        limits_(running_->entrance.limits()),
        name_(name_of(options.format)) {}

  ~Export() override {
    if (!closed_) static_cast<void>(close("aborted"));
  }

  Result<> start() {
    DBGATE_CHECK(record("started"));
    closed_ = false;
    return boost::system::in_place_value;
  }

  const std::string& id() const override { return running_->query->summary.id; }
  const char* content_type() const override { return format_->content_type(); }

  Task<Result<bool>> next(std::string& chunk) override {
    const std::size_t before = chunk.size();
    while (!over_) {
      const Execution::Step step = step_ ? *std::exchange(step_, {}) : co_await running_->next();
      const auto written = on_step(step, chunk);
      if (!written) {
        over_ = true;
        running_->execution.cancel();
        static_cast<void>(close("error"));
        co_return written.error();
      }
      const bool enough = chunk.size() - before >= chunk_bytes || !running_->execution.at_hand();
      if (!enough || chunk.size() == before) continue;
      break;
    }
    bytes_ += chunk.size() - before;
    const bool more = chunk.size() > before;
    if (over_ && !more && !closed_) {
      const auto recorded = close("ok");
      if (!recorded) co_return recorded.error();
    }
    co_return more;
  }

 private:
  Result<> on_step(Execution::Step step, std::string& out) {
    switch (step) {
      case Execution::Step::columns:
        return format_->begin(running_->execution.columns(), out);
      case Execution::Step::row:
        ++rows_;
        DBGATE_CHECK(refuse_if_failed(format_->row(running_->execution.cells(), out)));
        if (bytes_ + out.size() > limits_.export_bytes) return too_large("limits.export_bytes");
        return boost::system::in_place_value;
      case Execution::Step::command:
        if (running_->execution.truncated()) return too_large("limits.export_rows");
        return boost::system::in_place_value;
      case Execution::Step::notice:
        return boost::system::in_place_value;
      case Execution::Step::end:
        break;
    }
    if (const auto& failure = running_->query->summary.failure) {
      return Error(SqlState::from(failure->sqlstate), failure->message);
    }
    over_ = true;
    return format_->end(out);
  }

  Result<> refuse_if_failed(const Result<>& written) {
    if (written) return written;
    const Error why = written.error();
    fail(Kind::unsupported, why);
    return why;
  }

  Result<> too_large(const char* limit) {
    const Error why(sqlstate::program_limit_exceeded, std::string("the export is larger than ") + limit);
    fail(Kind::too_large, why);
    return why;
  }

  void fail(Kind kind, const Error& why) {
    ports::QueryFailure failure;
    failure.kind = kind;
    failure.sqlstate = why.code().text();
    failure.message = why.message();
    failure.hint = why.hint();
    running_->progress.fail(std::move(failure));
  }

  Result<> close(const char* outcome) {
    closed_ = true;
    return record(outcome);
  }

  Result<> record(const char* outcome) {
    const ports::QuerySummary& query = running_->query->summary;
    ExportRecord exported{
        query.user, running_->query->request->address, query.target, query.id, {}, name_, outcome, rows_, bytes_};
    if (const auto noted = running_->execution.decision()) exported.audit_id = noted->audit_id;
    return running_->entrance.record(exported);
  }

  const std::unique_ptr<Run> running_;
  std::optional<Execution::Step> step_;
  const std::unique_ptr<Format> format_;
  const QueryLimits limits_;
  const char* const name_;
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
  bool closed_ = true;  // the audit log has the end, or nothing at all
  bool over_ = false;
};

}  // namespace

Result<std::unique_ptr<ports::QueryStream>> make_export_stream(std::unique_ptr<Run> run, Execution::Step first,
                                                               const ports::ExportOptions& options) {
  if (run->execution.columns().empty()) {
    return Error(sqlstate::feature_not_supported, "the statement has no rows to export");
  }
  auto stream = std::make_unique<Export>(std::move(run), first, options);
  DBGATE_CHECK(stream->start());
  return std::unique_ptr<ports::QueryStream>(std::move(stream));
}

}  // namespace dbgate::queries
