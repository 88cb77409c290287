// Input: the source of a function. The first byte chooses the language.
#include "gateway/sql/bodies.h"
#include "gateway/sql/plpgsql.h"
#include "tests/fuzz/check.h"

namespace {

using namespace dbgate::sql;

void check_tokens(std::string_view text) {
  const auto tokens = tokenize(text);
  if (!tokens) return;
  std::size_t end = 0;
  for (const Token& token : *tokens) {
    DBGATE_FUZZ_CHECK(token.begin >= end && token.end > token.begin && token.end <= text.size());
    end = token.end;
    if (token.kind == TokenKind::word || token.kind == TokenKind::quoted_word) name_of(text, token);
    if (const auto value = plain_literal(text, token)) DBGATE_FUZZ_CHECK(value->size() < token.end - token.begin);
  }
}

void check_split(std::string_view source) {
  const PlpgsqlBody body = split_plpgsql(source);
  DBGATE_FUZZ_CHECK(body.failed_at <= source.size());
  std::size_t bytes = 0;
  for (const Fragment& fragment : body.fragments)
    bytes += fragment.text.size();
  // Every byte of a source stands in one fragment at most.
  DBGATE_FUZZ_CHECK(bytes <= source.size() + 16 * body.fragments.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = dbgate::fuzz::as_text(data, size);
  if (text.empty()) return 0;
  const bool plpgsql = text.front() != 's';
  text.remove_prefix(1);
  check_tokens(text);
  check_split(text);
  const Body body = read_body(plpgsql ? "plpgsql" : "sql", text);
  DBGATE_FUZZ_CHECK(body.opaque == !body.why.empty());
  for (const Statement& statement : body.statements) {
    DBGATE_FUZZ_CHECK(!statement.tag.empty());
    DBGATE_FUZZ_CHECK(body.opaque || statement.unknown.empty());
  }
  if (plpgsql && !split_plpgsql(text).readable) DBGATE_FUZZ_CHECK(body.opaque);
  return 0;
}
