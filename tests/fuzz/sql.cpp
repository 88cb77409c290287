// Input: a statement text.
#include "gateway/sql/analyze.h"
#include "tests/fuzz/check.h"

namespace {

using namespace dbgate::sql;

void check(std::string_view text, const Statement& statement) {
  DBGATE_FUZZ_CHECK(!statement.tag.empty());
  DBGATE_FUZZ_CHECK(statement.begin <= text.size());
  DBGATE_FUZZ_CHECK(statement.length <= text.size() - statement.begin);
  for (const RelationUse& use : statement.relations)
    DBGATE_FUZZ_CHECK(!use.name.name.empty() && use.effects.any());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = dbgate::fuzz::as_text(data, size);
  const ScanLimits limits;
  const auto scanned = prescan(text, limits);
  const AnalyzeResult result = analyze(text, limits);
  DBGATE_FUZZ_CHECK(result.script.has_value() + result.parse_error.has_value() + result.scan_error.has_value() == 1);
  DBGATE_FUZZ_CHECK(scanned.has_value() != result.scan_error.has_value());
  if (scanned) DBGATE_FUZZ_CHECK(scanned->tokens <= size && scanned->nesting <= size);
  if (result.parse_error) {
    DBGATE_FUZZ_CHECK(!result.parse_error->message.empty());
    DBGATE_FUZZ_CHECK(result.parse_error->position >= 0);
    DBGATE_FUZZ_CHECK(static_cast<std::size_t>(result.parse_error->position) <= size + 1);
  }
  if (result.script) {
    for (const Statement& statement : result.script->statements)
      check(text, statement);
  }
  // Tight limits only ever refuse more.
  ScanLimits tight;
  tight.max_bytes = 1024;
  tight.max_tokens = 64;
  tight.max_nesting = 4;
  tight.max_operator_run = 4;
  tight.max_comment_depth = 2;
  if (prescan(text, tight)) DBGATE_FUZZ_CHECK(scanned.has_value());
  return 0;
}
