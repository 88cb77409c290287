#include "gateway/sql/analyze.h"

#include <algorithm>

#include "gateway/sql/parse_tree.h"
#include "gateway/sql/shape.h"
#include "gateway/sql/sign_reader.h"
#include "gateway/sql/statement_names.h"
#include "gateway/sql/tokens.h"
#include "gateway/sql/walker.h"

extern "C" {
#include <pg_query.h>
#include <pg_query/pg_query_internal.h>
}

namespace dbgate::sql {
namespace {

/// A memory context of libpg_query: everything the parser allocates goes with it.
class ParserMemory {
 public:
  ParserMemory() : context_(pg_query_enter_memory_context()) {}
  ~ParserMemory() { pg_query_exit_memory_context(context_); }
  ParserMemory(const ParserMemory&) = delete;
  ParserMemory& operator=(const ParserMemory&) = delete;

 private:
  MemoryContext context_;
};

/// A copy of a text with the NUL behind it that the parser wants. Short ones need no memory.
class Terminated {
 public:
  explicit Terminated(std::string_view text) {
    if (text.size() >= sizeof short_) {
      long_ = text;
      return;
    }
    std::copy(text.begin(), text.end(), short_);
    short_[text.size()] = '\0';
  }
  const char* c_str() const { return long_.empty() ? short_ : long_.c_str(); }

 private:
  char short_[512];
  std::string long_;
};

struct KnownError {
  std::string_view prefix;
  SqlState code;
  std::string_view detail;
  std::string_view hint;
};

// libpg_query keeps an error's message alone. These are the ones of PostgreSQL 15's scanner and grammar that carry
// another SQLSTATE than 42601, or a detail or hint.
constexpr KnownError known_errors[] = {
    {"unsafe use of \\' in a string literal", SqlState("22P06"), "",
     "Use '' to write quotes in strings. \\' is insecure in client-only encodings."},
    {"invalid byte sequence for encoding", SqlState("22021"), "", ""},
    {"invalid Unicode escape value", sqlstate::syntax_error, "", ""},
    {"invalid Unicode escape character", sqlstate::syntax_error, "", ""},
    {"invalid Unicode escape", SqlState("22025"), "", ""},
    {"invalid publication object list", sqlstate::syntax_error,
     "One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name.", ""},
    {"unrecognized row security option", sqlstate::syntax_error, "",
     "Only PERMISSIVE or RESTRICTIVE policies are supported currently."},
    {"UNENCRYPTED PASSWORD is no longer supported", sqlstate::feature_not_supported, "",
     "Remove UNENCRYPTED to store the password in encrypted form instead."},
    {"RECHECK is no longer required", sqlstate::feature_not_supported, "", "Update your data type."},
    {"CREATE SCHEMA IF NOT EXISTS cannot include", sqlstate::feature_not_supported, "", ""},
    {"current database cannot be changed", sqlstate::feature_not_supported, "", ""},
    {"column number must be in range", sqlstate::invalid_parameter_value, "", ""},
    {"modulus for hash partition provided more", SqlState("42710"), "", ""},
    {"remainder for hash partition provided more", SqlState("42710"), "", ""},
    {"MATCH PARTIAL not yet implemented", sqlstate::feature_not_supported, "", ""},
    {"a column list with SET", sqlstate::feature_not_supported, "", ""},
    {"CREATE EXTENSION ... FROM is no longer supported", sqlstate::feature_not_supported, "", ""},
    {"CREATE OR REPLACE CONSTRAINT TRIGGER", sqlstate::feature_not_supported, "", ""},
    {"CREATE ASSERTION is not yet implemented", sqlstate::feature_not_supported, "", ""},
    {"aggregates cannot have output arguments", sqlstate::feature_not_supported, "", ""},
    {"WITH CHECK OPTION not supported", sqlstate::feature_not_supported, "", ""},
    {"precision for type float must be", sqlstate::invalid_parameter_value, "", ""},
    {"UNIQUE predicate is not yet implemented", sqlstate::feature_not_supported, "", ""},
    {"frame start cannot be", SqlState("42P20"), "", ""},
    {"frame end cannot be", SqlState("42P20"), "", ""},
    {"frame starting from", SqlState("42P20"), "", ""},
    {"role name \"", SqlState("42939"), "", ""},
    {"an ordered-set aggregate with a VARIADIC", sqlstate::feature_not_supported, "", ""},
    {"LIMIT #,# syntax is not supported", sqlstate::syntax_error, "", "Use separate LIMIT and OFFSET clauses."},
    {"subquery in FROM must have an alias", sqlstate::syntax_error, "", "For example, FROM (SELECT ...) [AS] foo."},
    {"VALUES in FROM must have an alias", sqlstate::syntax_error, "", "For example, FROM (VALUES ...) [AS] foo."},
    {"missing argument", sqlstate::syntax_error, "", "Use NONE to denote the missing argument of a unary operator."},
};

// U&'' and E'' literals share a message and differ in the rest (PostgreSQL manual ch. 4.1.2.2 and 4.1.2.3).
void explain_unicode_escape(ParseError& error, std::string_view text) {
  const auto at = static_cast<std::size_t>(error.position > 0 ? error.position - 1 : 0);
  const std::string_view escape = at < text.size() ? text.substr(at, 2) : std::string_view();
  if (escape == "\\u" || escape == "\\U") {
    error.hint = "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.";
  } else {
    error.code = sqlstate::syntax_error;
    error.hint = "Unicode escapes must be \\XXXX or \\+XXXXXX.";
  }
}

ParseError parse_error(const PgQueryError& error, std::string_view text) {
  ParseError result;
  result.message = text_of(error.message);
  result.position = error.cursorpos;
  for (const KnownError& known : known_errors) {
    if (!result.message.starts_with(known.prefix)) continue;
    result.code = known.code;
    result.detail = known.detail;
    result.hint = known.hint;
    break;
  }
  if (result.message == "invalid Unicode escape") explain_unicode_escape(result, text);
  return result;
}

void read_statement(const RawStmt* raw, std::string_view text, const TableColumns* tables, const ValuesWanted* wanted,
                    bool last, Statement& facts, std::size_t& parts) {
  const StatementName name = statement_name(raw->stmt);
  facts.kind = name.kind;
  facts.tag = name.tag;
  if (name.kind == StatementKind::other) facts.unknown = "statement of an unknown kind";
  facts.begin = raw->stmt_location < 0 ? 0 : static_cast<std::size_t>(raw->stmt_location);
  facts.length = raw->stmt_len == 0 ? text.size() - facts.begin : static_cast<std::size_t>(raw->stmt_len);
  if (facts.length <= max_shape_bytes) facts.text = text.substr(facts.begin, facts.length);
  Walker(facts, parts, wanted, tables).read(raw->stmt);
  if (parts == 0) return;
  facts.signs = SignReader::read(raw->stmt, text.substr(facts.begin, last ? text.npos : facts.length));
  resolve_names(facts, tables);
  resolve_equalities(facts, tables);
  if (facts.values) facts.values->reason = reason_of(text.substr(facts.begin, facts.length));
}

AnalyzeResult too_many_parts(const ScanLimits& limits) {
  AnalyzeResult result;
  result.scan_error = Error(sqlstate::statement_too_complex,
                            "statement exceeds dbgate's limit on statements, tables and sub-selects together (" +
                                std::to_string(limits.max_parts) + ")");
  return result;
}

bool has(const Statement& facts, Effect effect) {
  return facts.effects.test(static_cast<std::size_t>(effect));
}

}  // namespace

AnalyzeResult analyze(std::string_view text, const ScanLimits& limits, const TableColumns* tables,
                      const ValuesWanted* wanted) {
  AnalyzeResult result;
  const auto scanned = prescan(text, limits);
  if (!scanned) {
    result.scan_error = scanned.error();
    return result;
  }
  const Terminated terminated(text);
  const ParserMemory memory;
  const PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(terminated.c_str());
  std::free(parsed.stderr_buffer);
  if (parsed.error != nullptr) {
    result.parse_error = parse_error(*parsed.error, text);
    pg_query_free_error(parsed.error);
    return result;
  }
  Script& script = result.script.emplace();
  const int count = list_length(parsed.tree);
  std::size_t parts = limits.max_parts;
  if (static_cast<std::size_t>(count) >= parts) return too_many_parts(limits);
  parts -= static_cast<std::size_t>(count);
  script.statements.resize(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    read_statement(as<RawStmt>(list_nth(parsed.tree, i)), text, tables, wanted, i + 1 == count,
                   script.statements[static_cast<std::size_t>(i)], parts);
    if (parts == 0) return too_many_parts(limits);
  }
  if (scanned->wide_names) {
    for (Statement& facts : script.statements)
      facts.wide_names = wide_names(text.substr(facts.begin, facts.length));
  }
  return result;
}

int grammar_version() noexcept {
  return PG_VERSION_NUM / 10000;
}

Result<> self_test() {
  const auto disagree = [](const char* what) {
    return Error(sqlstate::internal_error, std::string("libpg_query and PostgreSQL's headers disagree: ") + what,
                 "build dbgate against postgresql-server-dev-15 and libpg_query 15");
  };
  const AnalyzeResult result = analyze(
      "WITH w AS (UPDATE a.t SET x = f(1) WHERE y = 2 RETURNING z) SELECT w.*, s.o::int4 FROM w JOIN s ON true; "
      "DROP TABLE gone; MERGE INTO m USING n ON m.i = n.i WHEN MATCHED THEN DELETE; SET search_path = p",
      ScanLimits{});
  if (!result.script || result.script->statements.size() != 4) return disagree("statements");
  const Statement& first = result.script->statements[0];
  const bool select_right = first.kind == StatementKind::select && has(first, Effect::update) &&
                            first.relations.size() == 2 && first.functions.size() == 2 && first.unknown.empty();
  if (!select_right) return disagree("SELECT and UPDATE");
  const Statement& drop = result.script->statements[1];
  if (!has(drop, Effect::ddl) || drop.relations.size() != 1 || drop.relations[0].name.name != "gone") {
    return disagree("DROP");
  }
  if (!has(result.script->statements[2], Effect::delete_)) return disagree("MERGE");
  const Statement& set = result.script->statements[3];
  if (set.settings.size() != 1 || set.settings[0].values != std::vector<std::string>{"p"}) return disagree("SET");
  const ValuesWanted wanted;
  const auto limit_of = [&wanted](const char* text) {
    const AnalyzeResult limited = analyze(text, ScanLimits{}, nullptr, &wanted);
    const bool read = limited.script && limited.script->statements.size() == 1 &&
                      limited.script->statements[0].values && limited.script->statements[0].values->limits.size() == 1;
    return read ? limited.script->statements[0].values->limits[0].count.kind : Operand::Kind::null;
  };
  const bool limits_right = limit_of("SELECT 1 LIMIT 1") == Operand::Kind::integer &&
                            limit_of("SELECT 1 FETCH FIRST 1 ROW ONLY") == Operand::Kind::integer &&
                            limit_of("SELECT 1 ORDER BY 1 FETCH FIRST 1 ROW WITH TIES") == Operand::Kind::other;
  if (!limits_right) return disagree("LIMIT");
  return boost::system::in_place_value;
}

}  // namespace dbgate::sql
