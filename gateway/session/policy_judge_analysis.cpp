#include "gateway/policy/suggest.h"
#include "gateway/session/policy_judge.h"
#include "gateway/sql/analyze.h"

// From texts to facts.
namespace dbgate::session {

std::shared_ptr<Analysis> analyze_text(std::string_view text, const sql::ScanLimits& limits,
                                       const catalog::Resolver* resolver, bool keep_text,
                                       const sql::ValuesWanted* wanted) {
  auto analysis = std::make_shared<Analysis>();
  if (keep_text || text.size() <= policy::max_suggestion_bytes) analysis->text = text;
  sql::AnalyzeResult result = sql::analyze(text, limits, resolver, wanted);
  // Which columns the tables of the rest have, the catalog does not know yet.
  if (result.script && resolver != nullptr && policy::moves_names_within(*result.script)) {
    result = sql::analyze(text, limits, nullptr, wanted);
  }
  if (result.script) {
    analysis->script = std::make_shared<const sql::Script>(std::move(*result.script));
    return analysis;
  }
  analysis->script = std::make_shared<const sql::Script>();
  analysis->refused = true;
  Refusal& refusal = analysis->refusal;
  if (result.parse_error) {
    refusal.code = result.parse_error->code;
    refusal.message = std::move(result.parse_error->message);
    refusal.detail = std::move(result.parse_error->detail);
    refusal.hint = std::move(result.parse_error->hint);
    refusal.position = result.parse_error->position;
  } else {
    refusal.code = result.scan_error->code();
    refusal.message = result.scan_error->message();
  }
  return analysis;
}

// What tells which column is which table's. Null in a transaction that has moved names: any could be of each.
const catalog::Resolver* PolicyJudge::reader() const {
  return moved_seen_.any() ? nullptr : view_.resolver.get();
}

std::shared_ptr<const Analysis> PolicyJudge::analyze(std::string_view text) const {
  const bool keep_text = view_.grants && policy::hides(*view_.grants);
  const auto wanted = view_.grants ? policy::values_wanted(*view_.grants) : nullptr;
  auto analysis = analyze_text(text, limits_, reader(), keep_text, wanted.get());
  analysis->read_by = moved_seen_.any() ? 0 : views_;
  return analysis;
}

// The same with all that it needs, whatever becomes of this one meanwhile.
AnalysisWork PolicyJudge::analysis_work(std::string_view text) const {
  const bool keep_text = view_.grants && policy::hides(*view_.grants);
  auto wanted = view_.grants ? policy::values_wanted(*view_.grants) : nullptr;
  const std::uint64_t views = moved_seen_.any() ? 0 : views_;
  return [text, limits = limits_, catalog = view_.catalog, resolver = view_.resolver, reader = reader(), keep_text,
          wanted = std::move(wanted), views]() -> std::shared_ptr<const Analysis> {
    auto analysis = analyze_text(text, limits, reader, keep_text, wanted.get());
    analysis->read_by = views;
    return analysis;
  };
}

}  // namespace dbgate::session
