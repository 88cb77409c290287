// Input: a statement text.
#include "gateway/sql/shape.h"

#include "gateway/sql/analyze.h"
#include "gateway/sql/shape_tokens.h"
#include "tests/fuzz/check.h"
#include "tests/support/parser_tokens.h"
#include "tests/unit/sql/facts_text.h"

namespace {

using namespace dbgate::sql;

// Literals are found where the parser finds them: otherwise one could hide the difference between two statements.
void check_tokens(const std::string& text) {
  const auto tokens = shape_tokens_of(text);
  std::vector<Span> expected;
  if (!tokens || !parser_tokens(text, expected)) return;
  DBGATE_FUZZ_CHECK(spans_of(*tokens, text) == expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = dbgate::fuzz::as_text(data, size);
  static_cast<void>(shape_of(text));
  const AnalyzeResult result = analyze(text, ScanLimits{});
  if (!result.script) return 0;
  check_tokens(std::string(text));
  for (const Statement& statement : result.script->statements) {
    const std::string shape = shape_of(statement);
    if (shape.empty()) continue;
    DBGATE_FUZZ_CHECK(shape_of(shape) == shape);
    const AnalyzeResult again = analyze(shape, ScanLimits{});
    DBGATE_FUZZ_CHECK(again.script && again.script->statements.size() == 1);
    Script alone;
    alone.statements.push_back(statement);
    DBGATE_FUZZ_CHECK(facts_text(*again.script) == facts_text(alone));
  }
  return 0;
}
