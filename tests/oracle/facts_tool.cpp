// Prints the facts of statements: NUL-separated texts on standard input, one JSON line for each on standard output,
// flushed at once, so that a test can hold a conversation with it.
//
// A line is {"open":[…],"exact":[…]}, the facts of each statement without a catalog and with the columns of tables that
// the test has told; or {"refused":"message","code":"42601","by":"parser" or "scanner"}.
// A text that begins with byte 1 tells the columns of a relation, as a name in a statement would be written: schema
// (may be empty), name, columns, all behind byte 31. Without columns the relation is forgotten. It has no answer.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/audit/json.h"
#include "gateway/sql/analyze.h"
#include "tests/unit/sql/facts_text.h"

namespace dbgate::sql {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  audit::append_json_string(out, text);
  return out;
}

template <class List, class Print>
std::string array(const List& list, Print print) {
  std::string out = "[";
  for (const auto& item : list) {
    if (out.size() > 1) out += ',';
    out += print(item);
  }
  return out + "]";
}

const char* boolean(bool value) {
  return value ? "true" : "false";
}

// ["catalog","schema","name"]
std::string name_json(const QualifiedName& name) {
  return "[" + quoted(name.catalog) + "," + quoted(name.schema) + "," + quoted(name.name) + "]";
}

std::string columns_json(const ColumnUse& use) {
  return std::string(R"({"whole":)") + boolean(use.whole_row) + R"(,"names":)" + array(use.names, quoted) + "}";
}

std::string effects_json(const EffectSet& effects) {
  return quoted(effects_text(effects));
}

std::string relation_json(const RelationUse& use) {
  return R"({"name":)" + name_json(use.name) + R"(,"effects":)" + effects_json(use.effects) + R"(,"reads":)" +
         columns_json(use.reads) + R"(,"values":)" + columns_json(use.values) + R"(,"writes":)" +
         columns_json(use.writes) + R"(,"where":)" + boolean(use.has_where) + "}";
}

std::string function_json(const FunctionUse& use) {
  static constexpr const char* forms[] = {"call",      "operator",         "cast", "table_sample",
                                          "procedure", "type_constructor", "field"};
  return R"({"name":)" + name_json(use.name) + R"(,"form":")" + forms[static_cast<std::size_t>(use.form)] +
         R"(","arguments":)" + std::to_string(use.arguments) + "}";
}

std::string statement_json(const Statement& statement) {
  return R"({"tag":)" + quoted(statement.tag) + R"(,"effects":)" + effects_json(statement.effects) +
         R"(,"relations":)" + array(statement.relations, relation_json) + R"(,"functions":)" +
         array(statement.functions, function_json) + R"(,"types":)" + array(statement.types, name_json) +
         R"(,"objects":)" + array(statement.objects, name_json) + R"(,"settings":)" +
         array(statement.settings, [](const SettingUse& use) { return quoted(use.name); }) + R"(,"begin":)" +
         std::to_string(statement.begin) + R"(,"length":)" + std::to_string(statement.length) + R"(,"unsure":)" +
         boolean(statement.lineage_unsure) + R"(,"unknown":)" + quoted(statement.unknown) + "}";
}

/// The columns that the test has told.
class ToldColumns final : public TableColumns {
 public:
  std::optional<std::vector<std::string_view>> columns_of(const QualifiedName& relation) const override {
    const auto found = columns_.find({relation.schema, relation.name});
    if (found == columns_.end()) return std::nullopt;
    return std::vector<std::string_view>(found->second.begin(), found->second.end());
  }

  void tell(std::string_view record) {
    std::vector<std::string> fields;
    while (!record.empty()) {
      record.remove_prefix(1);
      const std::size_t end = std::min(record.find('\x1f'), record.size());
      fields.emplace_back(record.substr(0, end));
      record.remove_prefix(end);
    }
    if (fields.size() < 2) return;
    const std::pair<std::string, std::string> name(fields[0], fields[1]);
    fields.erase(fields.begin(), fields.begin() + 2);
    columns_.erase(name);
    if (!fields.empty()) columns_.emplace(name, std::move(fields));
  }

 private:
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> columns_;
};

std::string answer(std::string_view text, const ToldColumns& told) {
  const AnalyzeResult result = analyze(text, ScanLimits{});
  if (result.script) {
    const AnalyzeResult exact = analyze(text, ScanLimits{}, &told);
    return R"({"open":)" + array(result.script->statements, statement_json) + R"(,"exact":)" +
           array(exact.script->statements, statement_json) + "}";
  }
  const bool parser = result.parse_error.has_value();
  const std::string message = parser ? result.parse_error->message : result.scan_error->message();
  const SqlState code = parser ? result.parse_error->code : result.scan_error->code();
  return R"({"refused":)" + quoted(message) + R"(,"code":)" + quoted(code.text()) +
         (parser ? R"(,"by":"parser"})" : R"(,"by":"scanner"})");
}

}  // namespace
}  // namespace dbgate::sql

int main() {
  std::ios::sync_with_stdio(false);
  std::string text;
  dbgate::sql::ToldColumns told;
  while (std::getline(std::cin, text, '\0')) {
    if (text.starts_with('\x01')) {
      told.tell(std::string_view(text).substr(1));
    } else {
      std::cout << dbgate::sql::answer(text, told) << std::endl;
    }
  }
  return 0;
}
