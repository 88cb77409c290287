#include "gateway/catalog/contents.h"

#include <algorithm>
#include <array>

#include "gateway/catalog/wide_names.h"
#include "gateway/sql/analyze.h"
#include "gateway/sql/tokens.h"

namespace dbgate::catalog {
namespace {

using sql::Effect;

constexpr std::size_t bit(Effect effect) {
  return static_cast<std::size_t>(effect);
}

constexpr std::string_view misread = "a name that the server may read otherwise";

void set_opaque(Contents& contents, std::string_view why) {
  contents.opaque = true;
  if (contents.why.empty()) contents.why = why;
}

bool has_column(const Relation& relation, std::string_view name) {
  static constexpr std::array<std::string_view, 6> system = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};
  if (std::find(system.begin(), system.end(), name) != system.end()) return true;
  return std::any_of(relation.columns.begin(), relation.columns.end(),
                     [&](const Column& column) { return column.name == name; });
}

// Variables and arguments of functions look like columns; they are none if the relation has no such column.
sql::ColumnUse columns_of(const Relation& relation, const sql::ColumnUse& use) {
  sql::ColumnUse result;
  result.whole_row = use.whole_row;
  for (const std::string& name : use.names) {
    if (has_column(relation, name)) result.names.push_back(name);
  }
  return result;
}

// Words that the grammar treats like functions and pg_proc does not have.
bool is_word_of_grammar(const sql::FunctionUse& use) {
  static constexpr std::array<std::string_view, 6> words = {"current_date", "current_time",   "current_timestamp",
                                                            "localtime",    "localtimestamp", "current_catalog"};
  return use.name.schema == "pg_catalog" && std::find(words.begin(), words.end(), use.name.name) != words.end();
}

std::vector<std::string> others_than(const std::vector<std::string>& made, const std::vector<std::string>& used) {
  std::vector<std::string> others;
  for (const std::string& name : used) {
    if (std::find(made.begin(), made.end(), name) == made.end()) others.push_back(name);
  }
  return others;
}

// Bodies repeat themselves.
void finish(Contents& contents) {
  const auto before = [](const Call& a, const Call& b) {
    return std::pair(a.function, !a.named) < std::pair(b.function, !b.named);
  };
  std::sort(contents.calls.begin(), contents.calls.end(), before);
  const auto same = [](const Call& a, const Call& b) { return a.function == b.function; };
  contents.calls.erase(std::unique(contents.calls.begin(), contents.calls.end(), same), contents.calls.end());
  std::sort(contents.types.begin(), contents.types.end());
  contents.types.erase(std::unique(contents.types.begin(), contents.types.end()), contents.types.end());
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

ContentsReader::ContentsReader(const Snapshot& snapshot) : snapshot_(snapshot), system_(snapshot, {}, {}) {}

Contents ContentsReader::statement(const sql::Statement& statement, const SearchPath& path) const {
  Contents contents;
  const Resolver resolver(snapshot_, path.schemas, path.user);
  Names names{resolver};
  add(statement, names, contents);
  finish(contents);
  return contents;
}

// Variables, labels and dynamic statements are in no fragment; and a path that set_config() has set is folded, too.
bool ContentsReader::may_be_misread(const Function& function) const {
  const auto wide = [](char c) { return (c & 0x80) != 0; };
  const std::string_view path = function.search_path;
  if (std::any_of(path.begin(), path.end(), wide)) return true;
  const bool readable = function.language == "sql" || function.language == "plpgsql";
  return readable && misread_name(snapshot_, sql::wide_names(function.body)) != nullptr;
}

Contents ContentsReader::function(const Function& function, const SearchPath& path) const {
  Contents contents;
  const Resolver resolver(snapshot_, path.schemas, path.user);
  sql::Body body = sql::read_body(function.language, function.body, &resolver);
  if (body.opaque) set_opaque(contents, body.why);
  if (function.body.empty()) set_opaque(contents, "a body that the server does not show");
  contents.row = std::move(body.row);
  Names names{resolver};
  for (const sql::Statement& statement : body.statements) {
    if (misread_name(snapshot_, statement.wide_names) != nullptr) set_opaque(contents, misread);
    add(statement, names, contents);
  }
  if (!snapshot_.reads_utf8() && may_be_misread(function)) set_opaque(contents, misread);
  contents.unknown = others_than(names.made, names.unknown);
  finish(contents);
  // "$user" is the owner of the function, whom the snapshot does not know.
  const auto owner = std::find(path.schemas.begin(), path.schemas.end(), "$user");
  if (function.security_definer && owner != path.schemas.end()) {
    set_opaque(contents, "a search_path that depends on the owner");
  }
  return contents;
}

Contents ContentsReader::rule(const Rule& rule) const {
  Contents contents;
  if (rule.definition.empty()) {
    set_opaque(contents, "a definition that the server does not show");
    return contents;
  }
  sql::AnalyzeResult result = sql::analyze(rule.definition, sql::body_limits, &system_);
  if (!result.script || result.script->statements.size() != 1) {
    set_opaque(contents, "a definition that dbgate cannot read");
    return contents;
  }
  sql::Statement& statement = result.script->statements.front();
  if (rule.event == '1') {
    contents.view_writes = writable_columns(statement);
  } else {
    // CREATE RULE itself has run long ago; what it says happens now.
    for (sql::RelationUse& use : statement.relations)
      use.effects.reset(bit(Effect::ddl));
    std::erase_if(statement.relations, [](const sql::RelationUse& use) { return use.effects.none(); });
    statement.effects.reset(bit(Effect::ddl));
  }
  add_all({&statement, 1}, contents);
  return contents;
}

// Of a text that the server printed.
void ContentsReader::add_all(std::span<const sql::Statement> statements, Contents& contents) const {
  Names names{system_};
  for (const sql::Statement& statement : statements) {
    if (cut_name(snapshot_, statement.wide_names) != nullptr) set_opaque(contents, misread);
    add(statement, names, contents);
  }
  if (!names.unknown.empty()) set_opaque(contents, "a relation that is not in the catalog");
  finish(contents);
}

// Which column of the first relation each output of a view is, for those that are nothing but a column.
std::vector<std::string> ContentsReader::writable_columns(const sql::Statement& query) const {
  std::vector<std::string> columns;
  if (query.levels.empty()) return columns;
  const sql::Level& level = query.levels[query.result];
  for (const sql::Output& output : level.outputs)
    columns.push_back(output.use == sql::none ? std::string() : level.names[output.use].column);
  return columns;
}

Contents ContentsReader::expression(const Expression& expression) const {
  Contents contents;
  if (expression.text.empty()) {
    set_opaque(contents, "an expression that the server does not show");
  } else {
    add_text("SELECT " + std::string(expression.text), contents);
  }
  return contents;
}

Contents ContentsReader::domain(const Type& type) const {
  Contents contents;
  if (type.check.empty()) return contents;
  std::string checks(type.check);
  static constexpr std::string_view not_valid = " NOT VALID";
  for (std::size_t at = checks.find(not_valid); at != std::string::npos; at = checks.find(not_valid, at)) {
    const std::size_t end = at + not_valid.size();
    if (end == checks.size() || checks[end] == '\n') {
      checks.erase(at, not_valid.size());
    } else {
      at = end;
    }
  }
  add_text("CREATE DOMAIN d AS pg_catalog.text " + checks, contents);
  contents.effects.reset(bit(Effect::ddl));
  return contents;
}

void ContentsReader::add_text(const std::string& text, Contents& contents) const {
  const sql::AnalyzeResult result = sql::analyze(text, sql::body_limits, &system_);
  if (!result.script) return set_opaque(contents, "an expression that dbgate cannot read");
  add_all(result.script->statements, contents);
}

void ContentsReader::add(const sql::Statement& statement, Names& names, Contents& contents) const {
  if (!statement.unknown.empty()) set_opaque(contents, "a construct that dbgate does not know");
  for (const sql::RelationUse& use : statement.relations)
    add_relation(use, names, contents);
  for (const sql::FunctionUse& use : statement.functions)
    add_function(use, names.resolver, contents);
  for (const sql::QualifiedName& name : statement.types) {
    if (const Type* const type = names.resolver.type(name)) contents.types.push_back(type->oid);
  }
  contents.effects |= statement.effects;
  append(contents.settings, statement.settings);
}

void ContentsReader::add_relation(const sql::RelationUse& use, Names& names, Contents& contents) const {
  const Relation* const relation = names.resolver.relation(use.name);
  if (relation == nullptr) {
    const bool makes = use.effects.test(bit(Effect::ddl)) && use.effects.count() == 1;
    (makes ? names.made : names.unknown).push_back(use.name.name);
    return;
  }
  Touch& touch = contents.touches.emplace_back();
  touch.relation = relation->oid;
  touch.only = use.only;
  touch.effects = use.effects;
  touch.reads = columns_of(*relation, use.reads);
  touch.writes = columns_of(*relation, use.writes);
}

void ContentsReader::add_function(const sql::FunctionUse& use, const Resolver& resolver, Contents& contents) const {
  if (use.form == sql::FunctionForm::operator_) {
    for (const Operator* const candidate : resolver.operators(use.name)) {
      const Function* const function = snapshot_.function(candidate->function);
      if (function != nullptr && function->language != "internal") contents.calls.push_back({function->oid, false});
    }
    return;
  }
  if (is_word_of_grammar(use)) {
    contents.of_moment = true;
    return;
  }
  // A method of sampling is a function of one argument, whatever stands in its parentheses.
  const std::size_t arguments = use.form == sql::FunctionForm::table_sample ? 1 : use.arguments;
  const std::vector<const Function*> candidates = resolver.functions(use.name, arguments);
  for (const Function* const candidate : candidates)
    contents.calls.push_back({candidate->oid, use.form != sql::FunctionForm::field});
  if (arguments != 1) {
    if (candidates.empty()) set_opaque(contents, "a function that is not in the catalog");
    return;
  }
  // f(x) may be a cast to the type f, or the column f of the row x.
  const Type* const type = resolver.type(use.name);
  if (type != nullptr) contents.types.push_back(type->oid);
}

}  // namespace dbgate::catalog
