#include "gateway/app/schema_outline.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace dbgate::app {
namespace {

using catalog::RelationKind;

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

bool is_system_schema(std::string_view name) {
  return name.starts_with("pg_") || name == "information_schema";
}

const char* word_of(RelationKind kind) {
  switch (kind) {
    case RelationKind::table:
      return "table";
    case RelationKind::partitioned_table:
      return "partitioned_table";
    case RelationKind::view:
      return "view";
    case RelationKind::materialized_view:
      return "materialized_view";
    case RelationKind::foreign_table:
      return "foreign_table";
    default:
      return nullptr;
  }
}

const char* word_of_function(char kind) {
  switch (kind) {
    case 'p':
      return "procedure";
    case 'a':
      return "aggregate";
    case 'w':
      return "window";
    default:
      return "function";
  }
}

/// What may be done with columns of one relation.
class Columns {
 public:
  Columns(const std::string& relation, const catalog::Relation& described, const OutlineRules& rules)
      : relation_(relation), rules_(rules) {
    for (const catalog::Column& column : described.columns)
      all_.push_back(&column);
    // Where not even the number of rows may be known, no column need be asked for.
    if (!rules_.ask("SELECT 1 FROM " + relation_).refused) read();
    if (!rules_.may_write) return;
    for (const bool insert : {true, false})
      write(insert);
  }

  std::set<std::string_view> readable;
  std::set<std::string_view> writable;
  std::set<std::string> masked;

 private:
  using List = std::vector<const catalog::Column*>;

  // All at once where that passes; else each by itself.
  template <class Text>
  void probe(const List& columns, const Text& text, std::set<std::string_view>& granted) {
    const session::Judged judged = rules_.ask(text(columns));
    if (!judged.refused) {
      for (const catalog::Column* const column : columns)
        granted.insert(column->name);
      if (judged.verdict) masked.insert(judged.verdict->masked.begin(), judged.verdict->masked.end());
    } else if (columns.size() > 1) {
      for (const catalog::Column* const column : columns)
        probe(List{column}, text, granted);
    }
  }

  void read() {
    const auto select = [this](const List& columns) {
      std::string list;
      for (const catalog::Column* const column : columns)
        list += (list.empty() ? "" : ", ") + quoted(column->name);
      return "SELECT " + list + " FROM " + relation_;
    };
    probe(all_, select, readable);
  }

  void write(bool insert) {
    List columns;
    std::copy_if(all_.begin(), all_.end(), std::back_inserter(columns),
                 [](const catalog::Column* column) { return !column->generated; });
    if (columns.empty()) return;
    const auto text = [this, insert](const List& some) {
      std::string names;
      std::string values;
      for (std::size_t i = 0; i < some.size(); ++i) {
        const std::string value = "$" + std::to_string(i + 1);
        const std::string comma = i == 0 ? "" : ", ";
        names += comma + quoted(some[i]->name) + (insert ? "" : " = " + value);
        values += comma + value;
      }
      if (insert) return "INSERT INTO " + relation_ + " (" + names + ") VALUES (" + values + ")";
      return "UPDATE " + relation_ + " SET " + names + " WHERE true";
    };
    probe(columns, text, writable);
  }

  bool is_masked(std::string_view column) const {
    return std::any_of(masked.begin(), masked.end(), [column](const std::string& name) {
      return name.size() > column.size() && name.ends_with(column) && name[name.size() - column.size() - 1] == '.';
    });
  }

  friend bool masks(const Columns& columns, std::string_view name) { return columns.is_masked(name); }

  const std::string relation_;
  const OutlineRules& rules_;
  List all_;
};

/// The columns that other relations may be said to refer to.
using Known = std::map<catalog::Oid, std::set<std::string_view>>;

std::string written(const catalog::Snapshot& catalog, const catalog::Relation& relation) {
  const catalog::Schema* const schema = catalog.schema(relation.schema);
  return (schema == nullptr ? "" : std::string(schema->name) + ".") + std::string(relation.name);
}

// Only keys of one column, to columns that the user may know as well.
std::string reference_of(const catalog::Snapshot& catalog, const catalog::Relation& relation, std::int16_t number,
                         const Known& known) {
  const auto keys = std::equal_range(
      catalog.foreign_keys().begin(), catalog.foreign_keys().end(), catalog::ForeignKey{relation.oid},
      [](const catalog::ForeignKey& a, const catalog::ForeignKey& b) { return a.relation < b.relation; });
  for (auto key = keys.first; key != keys.second; ++key) {
    const bool is_it = key->columns.size() == 1 && key->columns[0] == number && key->referenced_columns.size() == 1;
    const catalog::Relation* const referenced = is_it ? catalog.relation(key->referenced) : nullptr;
    const auto may_know = known.find(key->referenced);
    if (referenced == nullptr || may_know == known.end()) continue;
    const std::string_view column = catalog::name_of_column(*referenced, key->referenced_columns[0]);
    if (may_know->second.contains(column)) return written(catalog, *referenced) + "(" + std::string(column) + ")";
  }
  return {};
}

std::string comment_of(const catalog::Snapshot& catalog, catalog::Oid relation, std::int16_t column) {
  const auto before = [](const catalog::Comment& a, const catalog::Comment& b) {
    return std::tie(a.relation, a.column) < std::tie(b.relation, b.column);
  };
  const catalog::Comment wanted{relation, column, {}};
  const auto found = std::lower_bound(catalog.comments().begin(), catalog.comments().end(), wanted, before);
  const bool there = found != catalog.comments().end() && found->relation == relation && found->column == column;
  return there ? std::string(found->text) : std::string();
}

// Keys of which the user may know every column.
void add_keys(const catalog::Snapshot& catalog, const catalog::Relation& relation, ports::RelationOutline& outline) {
  const auto keys = std::equal_range(
      catalog.unique_keys().begin(), catalog.unique_keys().end(), catalog::UniqueKey{relation.oid},
      [](const catalog::UniqueKey& a, const catalog::UniqueKey& b) { return a.relation < b.relation; });
  for (auto key = keys.first; key != keys.second; ++key) {
    std::vector<std::string> names;
    for (const std::int16_t number : key->columns) {
      const std::string_view name = catalog::name_of_column(relation, number);
      const bool shown = std::any_of(outline.columns.begin(), outline.columns.end(),
                                     [name](const ports::ColumnSummary& one) { return one.name == name; });
      if (shown) names.emplace_back(name);
    }
    if (names.empty() || names.size() != key->columns.size()) continue;
    outline.has_primary = outline.has_primary || key->primary;
    outline.unique.push_back(std::move(names));
  }
}

ports::RelationOutline outline_of(const catalog::Snapshot& catalog, const catalog::Relation& relation,
                                  const Columns& columns) {
  ports::RelationOutline outline;
  outline.name = relation.name;
  outline.kind = word_of(relation.kind);
  outline.writable = !columns.writable.empty();
  for (const catalog::Column& column : relation.columns) {
    if (!columns.readable.contains(column.name) && !columns.writable.contains(column.name)) continue;
    ports::ColumnSummary summary;
    summary.name = column.name;
    summary.type = name_of_type(catalog, column.type);
    summary.generated = column.generated;
    summary.nullable = !column.not_null;
    summary.comment = comment_of(catalog, relation.oid, column.number);
    summary.masked = masks(columns, column.name);
    outline.columns.push_back(std::move(summary));
  }
  // What is said of the whole may name columns that the user must not know of.
  if (outline.columns.size() == relation.columns.size()) outline.comment = comment_of(catalog, relation.oid, 0);
  add_keys(catalog, relation, outline);
  return outline;
}

void add_relations(const catalog::Snapshot& catalog, const catalog::Schema& schema, const OutlineRules& rules,
                   ports::SchemaOutline& outline, Known& known) {
  for (const catalog::Relation& relation : catalog.relations()) {
    if (relation.schema != schema.oid || word_of(relation.kind) == nullptr || relation.columns.empty()) continue;
    const Columns columns(quoted(schema.name) + "." + quoted(relation.name), relation, rules);
    ports::RelationOutline seen = outline_of(catalog, relation, columns);
    if (seen.columns.empty()) continue;
    seen.filtered = rules.filtered(schema.name, relation.name);
    std::set<std::string_view>& names = known[relation.oid];
    names = columns.readable;
    names.insert(columns.writable.begin(), columns.writable.end());
    outline.relations.push_back(std::move(seen));
  }
}

void add_references(const catalog::Snapshot& catalog, const catalog::Relation& relation, const Known& known,
                    ports::RelationOutline& outline) {
  for (const catalog::Column& column : relation.columns) {
    const auto shown = std::find_if(outline.columns.begin(), outline.columns.end(),
                                    [&column](const ports::ColumnSummary& one) { return one.name == column.name; });
    if (shown != outline.columns.end()) shown->references = reference_of(catalog, relation, column.number, known);
  }
}

void add_functions(const catalog::Snapshot& catalog, const catalog::Schema& schema, const OutlineRules& rules,
                   ports::SchemaOutline& outline) {
  for (const catalog::Function& function : catalog.all_functions()) {
    const catalog::Type* const result = catalog.type(function.result);
    const bool called_by_server = result != nullptr && (result->name == "trigger" || result->name == "event_trigger");
    if (function.schema != schema.oid || called_by_server) continue;
    std::string call = quoted(schema.name) + "." + quoted(function.name) + "(";
    for (std::size_t i = 0; i < function.arguments.size(); ++i)
      call += (i == 0 ? "$" : ", $") + std::to_string(i + 1);
    call += function.kind == 'w' ? ") OVER ()" : ")";
    if (rules.ask((function.kind == 'p' ? "CALL " : "SELECT ") + call).refused) continue;
    ports::FunctionOutline known;
    known.name = function.name;
    known.kind = word_of_function(function.kind);
    for (const catalog::Oid argument : function.arguments)
      known.arguments.push_back(name_of_type(catalog, argument));
    known.result = name_of_type(catalog, function.result);
    outline.functions.push_back(std::move(known));
  }
}

}  // namespace

std::string name_of_type(const catalog::Snapshot& catalog, catalog::Oid oid) {
  const catalog::Type* const type = catalog.type(oid);
  if (type == nullptr) return {};
  if (type->category == 'A' && type->element != 0) {
    const std::string element = name_of_type(catalog, type->element);
    if (!element.empty()) return element + "[]";
  }
  const catalog::Schema* const schema = catalog.schema(type->schema);
  const bool plain = schema == nullptr || schema->name == "pg_catalog";
  return (plain ? "" : std::string(schema->name) + ".") + std::string(type->name);
}

ports::SchemaSummary outline_of(const catalog::Snapshot& catalog, const OutlineRules& rules) {
  ports::SchemaSummary summary;
  Known known;
  for (const catalog::Schema& schema : catalog.schemas()) {
    if (is_system_schema(schema.name)) continue;
    ports::SchemaOutline outline;
    outline.name = schema.name;
    add_relations(catalog, schema, rules, outline, known);
    add_functions(catalog, schema, rules, outline);
    if (!outline.relations.empty() || !outline.functions.empty()) summary.schemas.push_back(std::move(outline));
  }
  // Only now it is clear which names may be mentioned.
  for (ports::SchemaOutline& outline : summary.schemas) {
    const catalog::Schema* const schema = catalog.schema(outline.name);
    for (ports::RelationOutline& seen : outline.relations)
      add_references(catalog, *catalog.relation(schema->oid, seen.name), known, seen);
  }
  return summary;
}

}  // namespace dbgate::app
