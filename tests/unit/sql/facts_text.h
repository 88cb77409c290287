#pragma once
#include <string>

#include "gateway/sql/facts.h"

namespace dbgate::sql {

inline std::string effects_text(const EffectSet& effects) {
  static constexpr const char* names[] = {
      "read",        "insert",         "update",      "delete", "truncate",    "merge",       "copy_in", "copy_out",
      "server_file", "server_program", "ddl",         "dcl",    "call",        "do_block",    "session", "show",
      "transaction", "two_phase",      "lock",        "listen", "notify",      "cursor",      "prepare", "execute",
      "deallocate",  "explain",        "maintenance", "admin",  "select_into", "replication", "opaque"};
  std::string text;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    if (effects.test(i)) text += (text.empty() ? "" : ",") + std::string(names[i]);
  }
  return text;
}

inline std::string name_text(const QualifiedName& name) {
  std::string text;
  if (!name.catalog.empty()) text += name.catalog + ".";
  if (!name.schema.empty()) text += name.schema + ".";
  return text + name.name;
}

inline std::string columns_text(const ColumnUse& use) {
  std::string text = use.whole_row ? "*" : "";
  for (const std::string& name : use.names)
    text += (text.empty() ? "" : ",") + name;
  return text;
}

/// Facts on one line, for tests: statements joined by " | ".
inline std::string facts_text(const Script& script) {
  std::string text;
  for (const Statement& statement : script.statements) {
    if (!text.empty()) text += " | ";
    text += statement.tag + " {" + effects_text(statement.effects) + "}";
    for (const RelationUse& use : statement.relations) {
      text += " " + name_text(use.name) + "[" + effects_text(use.effects) + "](" + columns_text(use.reads) + ";" +
              columns_text(use.writes) + ")";
      if (use.has_where) text += " where";
    }
    std::string list;
    for (const FunctionUse& use : statement.functions) {
      list += (list.empty() ? " f:" : ",") + name_text(use.name) + "/" + std::to_string(use.arguments);
    }
    for (const QualifiedName& type : statement.types) {
      list += (list.find(" t:") == std::string::npos ? " t:" : ",") + name_text(type);
    }
    text += list;
    for (const SettingUse& use : statement.settings) {
      text += " s:" + use.name;
      if (use.action == SettingAction::set) {
        std::string values;
        for (const std::string& value : use.values)
          values += (values.empty() ? "=" : ",") + value;
        text += values.empty() && use.name != "constraints" ? "=" : values;
      }
      if (use.local) text += " local";
    }
    for (const QualifiedName& object : statement.objects)
      if (!statement.becomes.name.empty() || statement.moves_type) text += " o:" + name_text(object);
    if (!statement.becomes.name.empty()) text += " becomes:" + name_text(statement.becomes);
    if (statement.moves_type) text += " type";
    for (const std::string& setting : statement.settings_of_rows)
      text += " rows:" + setting;
    if (!statement.name.empty()) text += " n:" + statement.name;
    if (statement.holdable) text += " hold";
    if (statement.copy_header) text += " header";
    if (statement.array_subquery) text += " array";
    if (statement.recursive) text += " recursive";
    if (statement.read_write) text += " rw";
    if (!statement.unknown.empty()) text += " unknown:" + statement.unknown;
  }
  return text;
}

}  // namespace dbgate::sql
