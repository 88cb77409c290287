// catalog_dump CONFIG MILLISECONDS [--quiet]: loads the catalog of the configuration's first target and prints the
// snapshot as JSON lines; quiet: only its summary. Exit status 0, or 3 with "SQLSTATE message" on standard output.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "config/loader.h"
#include "gateway/adapters/pg_catalog_source.h"
#include "gateway/audit/json.h"
#include "gateway/catalog/snapshot.h"

namespace {

using namespace dbgate;

/// One object of a JSON line.
class Line {
 public:
  explicit Line(std::string_view kind) { text("kind_of_row", kind); }
  ~Line() { std::printf("{%s}\n", fields_.c_str()); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  Line& text(std::string_view key, std::string_view value) {
    std::string quoted;
    audit::append_json_string(quoted, value);
    return raw(key, quoted);
  }
  Line& letter(std::string_view key, char value) { return text(key, std::string_view(&value, 1)); }
  template <class Number>
  Line& number(std::string_view key, Number value) {
    return raw(key, std::to_string(value));
  }
  Line& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  template <class List>
  Line& numbers(std::string_view key, const List& values) {
    std::string list;
    for (const auto value : values)
      list.append(list.empty() ? "" : ",").append(std::to_string(value));
    return raw(key, "[" + list + "]");
  }
  Line& texts(std::string_view key, std::span<const std::string_view> values) {
    std::string list;
    for (const std::string_view value : values) {
      list.append(list.empty() ? "" : ",");
      audit::append_json_string(list, value);
    }
    return raw(key, "[" + list + "]");
  }

 private:
  Line& raw(std::string_view key, const std::string& value) {
    if (!fields_.empty()) fields_ += ',';
    fields_.append("\"").append(key).append("\":").append(value);
    return *this;
  }
  std::string fields_;
};

void print(const catalog::Snapshot& snapshot, const catalog::Relation& relation) {
  Line line("relation");
  line.number("oid", relation.oid).number("schema", relation.schema).text("name", relation.name);
  line.letter("kind", static_cast<char>(relation.kind)).flag("row_security", relation.row_security);
  line.number("rows", relation.rows).number("pages", relation.pages);
  line.numbers("parents", relation.parents).numbers("children", relation.children);
  line.numbers("rules", relation.rules).numbers("triggers", relation.triggers);
  line.numbers("referenced_by", relation.referenced_by).numbers("indexed", relation.indexed);
  line.flag("found", snapshot.relation(relation.schema, relation.name) == &relation &&
                         snapshot.relation(relation.oid) == &relation);
  for (const catalog::Column& column : relation.columns) {
    Line of("column");
    of.number("relation", relation.oid).text("name", column.name).number("type", column.type);
    of.number("typmod", column.typmod).number("number", column.number).flag("generated", column.generated);
  }
}

void print(const catalog::Snapshot& snapshot, const catalog::Function& function) {
  Line line("function");
  line.number("oid", function.oid).number("schema", function.schema).text("name", function.name);
  line.letter("kind", function.kind).letter("volatility", function.volatility).letter("parallel", function.parallel);
  line.flag("security_definer", function.security_definer).flag("returns_set", function.returns_set);
  line.flag("strict", function.strict).number("defaults", function.defaults).number("variadic", function.variadic);
  line.number("result", function.result).numbers("arguments", function.arguments);
  line.texts("names", function.names).texts("columns", function.columns).text("language", function.language);
  line.numbers("support", function.support);
  line.text("body", function.body).text("search_path", function.search_path);
  bool found = false;
  for (const catalog::Function& overload : snapshot.functions(function.schema, function.name))
    found = found || &overload == &function;
  line.flag("found", found && snapshot.function(function.oid) == &function);
}

void print(const catalog::Snapshot& snapshot, const catalog::Operator& op) {
  Line line("operator");
  line.number("oid", op.oid).number("schema", op.schema).text("name", op.name).number("left", op.left);
  line.number("right", op.right).number("result", op.result).number("function", op.function);
  bool found = false;
  for (const catalog::Operator& overload : snapshot.operators(op.schema, op.name))
    found = found || &overload == &op;
  line.flag("found", found && snapshot.operator_of(op.oid) == &op);
}

void print(const catalog::Snapshot& snapshot, const catalog::Type& type) {
  Line line("type");
  line.number("oid", type.oid).number("schema", type.schema).text("name", type.name).letter("kind", type.kind);
  line.letter("category", type.category).flag("preferred", type.preferred).number("relation", type.relation);
  line.number("element", type.element)
      .number("array", type.array)
      .number("base", type.base)
      .number("typmod", type.typmod);
  line.text("check", type.check);
  line.flag("found", snapshot.type(type.oid) == &type && snapshot.type(type.schema, type.name) == &type);
}

void print(const catalog::Snapshot& snapshot) {
  for (const catalog::Schema& schema : snapshot.schemas())
    Line("schema").number("oid", schema.oid).text("name", schema.name);
  for (const catalog::Relation& relation : snapshot.relations())
    print(snapshot, relation);
  for (const catalog::Rule& rule : snapshot.rules()) {
    Line line("rule");
    line.number("relation", rule.relation).text("name", rule.name).letter("event", rule.event);
    line.flag("instead", rule.instead).flag("enabled", rule.enabled).text("definition", rule.definition);
  }
  for (const catalog::Trigger& trigger : snapshot.triggers()) {
    Line line("trigger");
    line.number("relation", trigger.relation).number("function", trigger.function).text("name", trigger.name);
    line.number("type", trigger.type).flag("enabled", trigger.enabled);
    line.text("old_table", trigger.old_table).text("new_table", trigger.new_table);
  }
  for (const catalog::ForeignKey& key : snapshot.foreign_keys()) {
    Line line("foreign_key");
    line.number("relation", key.relation).number("referenced", key.referenced);
    line.letter("on_update", key.on_update).letter("on_delete", key.on_delete);
    line.numbers("columns", key.columns).numbers("referenced_columns", key.referenced_columns);
  }
  for (const catalog::Expression& expression : snapshot.expressions()) {
    Line line("expression");
    line.number("relation", expression.relation).letter("kind", static_cast<char>(expression.kind));
    line.text("text", expression.text);
  }
  for (const catalog::Function& function : snapshot.all_functions())
    print(snapshot, function);
  for (const catalog::Operator& op : snapshot.all_operators())
    print(snapshot, op);
  for (const catalog::Type& type : snapshot.types())
    print(snapshot, type);
  for (const catalog::Cast& cast : snapshot.casts()) {
    Line line("cast");
    line.number("source", cast.source).number("target", cast.target).number("function", cast.function);
    line.letter("context", cast.context).letter("method", cast.method);
    line.flag("found", snapshot.cast(cast.source, cast.target) == &cast);
  }
  for (const std::string_view catalog : snapshot.unreadable())
    Line("unreadable").text("name", catalog);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const config::Loaded loaded = config::load_file(argv[1]);
  if (!loaded.config || loaded.config->targets.empty()) return 2;
  ports::CatalogRequest request;
  request.server = loaded.config->targets.front().upstream;
  request.database = request.server.database;
  request.version = 42;
  request.timeout = std::chrono::milliseconds(std::atoi(argv[2]));
  const auto source = adapters::make_pg_catalog_source();
  const auto started = std::chrono::steady_clock::now();
  const auto snapshot = source->load(request, {});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  if (!snapshot) {
    const Error why = snapshot.error();
    std::printf("%s %s\n", std::string(why.code().text()).c_str(), why.message().c_str());
    return 3;
  }
  if (argc < 4) print(**snapshot);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  Line line("snapshot");
  line.number("version", (*snapshot)->version()).number("server_version", (*snapshot)->server_version());
  line.number("memory_bytes", (*snapshot)->memory_bytes()).number("seconds", took.count());
  line.number("peak_kib", usage.ru_maxrss).number("relations", (*snapshot)->relations().size());
  return 0;
}
