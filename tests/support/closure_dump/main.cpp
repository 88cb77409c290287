// closure_dump CONFIG < STATEMENTS: loads the catalog of the configuration's first target. For each line of input, an
// SQL statement, prints one line: what it comes to, "relation:schema.name:effects:columns read",
// "function:schema.name", "opaque:why", "path:…" for each relation, separated by tabs. Names are looked up in public.
#include <cstdio>
#include <iostream>
#include <string>

#include "config/loader.h"
#include "gateway/adapters/pg_catalog_source.h"
#include "gateway/catalog/closure.h"
#include "gateway/sql/analyze.h"

namespace {

using namespace dbgate;

std::string columns_text(const sql::ColumnUse& use) {
  std::string text = use.whole_row ? "*" : "";
  for (const std::string& name : use.names)
    text += (text.empty() ? "" : ",") + name;
  return text;
}

std::string effects_text(const sql::EffectSet& effects) {
  static constexpr const char* names[] = {"read", "insert", "update", "delete", "truncate"};
  std::string text;
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (effects.test(i)) text += (text.empty() ? "" : ",") + std::string(names[i]);
  }
  return text;
}

std::string name_text(const catalog::Snapshot& snapshot, catalog::Oid schema, std::string_view name) {
  const catalog::Schema* const found = snapshot.schema(schema);
  return (found == nullptr ? std::string() : std::string(found->name) + ".") + std::string(name);
}

std::string reach_text(const catalog::Snapshot& snapshot, const catalog::Reach& reach) {
  std::string text;
  for (const catalog::Reach::OfRelation& of : reach.relations) {
    const catalog::Relation* const relation = snapshot.relation(of.touch.relation);
    if (relation == nullptr) continue;
    text += "relation:" + name_text(snapshot, relation->schema, relation->name) + ":" + effects_text(of.touch.effects) +
            ":" + columns_text(of.touch.reads) + "\t";
    text += "path:" + catalog::path_text(snapshot, reach, of.step) + "\t";
  }
  for (const catalog::Reach::OfFunction& of : reach.functions) {
    const catalog::Function* const function = snapshot.function(of.function);
    text += "function:" + name_text(snapshot, function->schema, function->name) + "\t";
  }
  for (const catalog::Reach::Opaque& of : reach.opaque)
    text += "opaque:" + of.why + "\t";
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const config::Loaded loaded = config::load_file(argv[1]);
  if (!loaded.config || loaded.config->targets.empty()) return 2;
  ports::CatalogRequest request;
  request.server = loaded.config->targets.front().upstream;
  request.database = request.server.database;
  auto snapshot = adapters::make_pg_catalog_source()->load(request, {});
  if (!snapshot) return 3;
  const catalog::Closure closure(std::move(snapshot).value());
  const catalog::SearchPath path{{"public"}, "postgres"};
  const catalog::Resolver resolver(closure.snapshot(), path.schemas, path.user);
  for (std::string line; std::getline(std::cin, line);) {
    const sql::AnalyzeResult result = sql::analyze(line, {}, &resolver);
    if (!result.script || result.script->statements.size() != 1) return 4;
    std::printf("%s\n", reach_text(closure.snapshot(), closure.of(result.script->statements.front(), path)).c_str());
  }
  return 0;
}
