#include "gateway/models/brief_relations.h"

#include <algorithm>
#include <set>

#include "gateway/sql/words.h"

namespace dbgate::models {
namespace {

namespace json = boost::json;
using sql::RelationUse;

constexpr std::string_view system_schema = "pg_catalog";

const char* word_of(catalog::RelationKind kind) {
  switch (kind) {
    case catalog::RelationKind::table:
      return "table";
    case catalog::RelationKind::partitioned_table:
      return "partitioned_table";
    case catalog::RelationKind::view:
      return "view";
    case catalog::RelationKind::materialized_view:
      return "materialized_view";
    case catalog::RelationKind::foreign_table:
      return "foreign_table";
    case catalog::RelationKind::sequence:
      return "sequence";
    default:
      return "other";
  }
}

// A name that somebody chose may say anything; one that is a plain word says little.
bool is_plain(std::string_view name) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789_";
  constexpr std::size_t longest = 40;
  return !name.empty() && name.size() <= longest && name.find_first_not_of(letters) == std::string_view::npos;
}

bool lists(const sql::ColumnUse& use, std::string_view name) {
  return use.whole_row || std::binary_search(use.names.begin(), use.names.end(), name);
}

/// One relation of the statement and what the catalog says of it.
class Described {
 public:
  Described(const Subject& subject, const RelationUse& use)
      : subject_(subject), use_(use), found_(subject.find(use.name)) {
    if (found_ == nullptr) return;
    const catalog::Resolver& resolver = *subject.circumstances.resolver;
    for (const config::TablePattern& table : subject.circumstances.sensitive) {
      if (table.name == found_->name && table.schema == resolver.schema_name(found_->schema))
        sensitive_.insert(table.columns.begin(), table.columns.end());
    }
  }

  json::object object() const {
    json::object out{{"id", subject_.id_of(use_.name)}, {"known", found_ != nullptr}};
    if (found_ != nullptr) add_catalog(out);
    json::array effects;
    for (std::size_t i = 0; i < use_.effects.size(); ++i) {
      if (use_.effects.test(i)) effects.emplace_back(sql::word_of(static_cast<sql::Effect>(i)));
    }
    out["effects"] = std::move(effects);
    out["has_where"] = use_.has_where;
    if (use_.reads.whole_row) out["reads_whole_rows"] = true;
    if (use_.writes.whole_row) out["writes_whole_rows"] = true;
    add_columns(out);
    return out;
  }

 private:
  void add_catalog(json::object& out) const {
    const catalog::Resolver& resolver = *subject_.circumstances.resolver;
    const bool system = resolver.schema_name(found_->schema) == system_schema;
    if (subject_.options.names && is_plain(found_->name)) out["name"] = found_->name;
    out["kind"] = word_of(found_->kind);
    if (system) out["system_catalog"] = true;
    out["rows"] = magnitude(found_->rows);
    if (found_->row_security) out["row_security"] = true;
    if (!found_->triggers.empty()) out["triggers"] = magnitude(static_cast<double>(found_->triggers.size()));
    if (!found_->referenced_by.empty())
      out["referenced_by"] = magnitude(static_cast<double>(found_->referenced_by.size()));
    out["sensitive_columns"] = sensitive_.size();
  }

  // In the order of the catalog: that of the names would be the client's for those that nobody knows.
  void add_columns(json::object& out) const {
    std::size_t known = 0;
    json::array columns;
    if (found_ != nullptr) {
      for (const catalog::Column& column : found_->columns) {
        if (!is_named(column.name)) continue;
        if (++known <= most_listed) columns.push_back(column_object(column, known));
      }
    }
    std::set<std::string_view> named;
    for (const sql::ColumnUse* use : {&use_.reads, &use_.values, &use_.writes})
      named.insert(use->names.begin(), use->names.end());
    if (!columns.empty()) out["columns"] = std::move(columns);
    if (known > most_listed) out["further_columns"] = magnitude(static_cast<double>(known - most_listed));
    if (named.size() > known) out["unknown_columns"] = magnitude(static_cast<double>(named.size() - known));
  }

  bool is_named(std::string_view column) const {
    const auto in = [column](const sql::ColumnUse& use) {
      return std::binary_search(use.names.begin(), use.names.end(), column);
    };
    return in(use_.reads) || in(use_.values) || in(use_.writes);
  }

  json::object column_object(const catalog::Column& column, std::size_t number) const {
    json::object out{{"id", "C" + std::to_string(number)}};
    if (subject_.options.names && is_plain(column.name)) out["name"] = column.name;
    const catalog::Resolver& resolver = *subject_.circumstances.resolver;
    const catalog::Type* const type = resolver.snapshot().type(column.type);
    const bool built_in = type != nullptr && resolver.schema_name(type->schema) == system_schema;
    out["type"] = built_in ? type->name : std::string_view("user_defined");
    json::array uses;
    if (lists(use_.reads, column.name)) uses.emplace_back("read");
    if (lists(use_.values, column.name)) uses.emplace_back("computed_with");
    if (lists(use_.writes, column.name)) uses.emplace_back("written");
    out["uses"] = std::move(uses);
    if (sensitive_.contains(column.name)) out["sensitive"] = true;
    return out;
  }

  const Subject& subject_;
  const RelationUse& use_;
  const catalog::Relation* const found_;
  std::set<std::string, std::less<>> sensitive_;
};

bool is_called(const sql::FunctionUse& use) {
  return use.form == sql::FunctionForm::call || use.form == sql::FunctionForm::procedure;
}

std::vector<const catalog::Function*> candidates(const Subject& subject, const sql::FunctionUse& use) {
  if (subject.circumstances.resolver == nullptr) return {};
  return subject.circumstances.resolver->functions(use.name, use.arguments);
}

json::object function_object(const Subject& subject, const sql::FunctionUse& use) {
  const auto found = candidates(subject, use);
  json::object out{{"known", !found.empty()}, {"arguments", use.arguments}};
  if (found.empty()) return out;
  const auto any = [&found](auto is) { return std::any_of(found.begin(), found.end(), is); };
  const catalog::Oid system = subject.circumstances.resolver->system_schema();
  out["built_in"] = !any([system](const catalog::Function* f) { return f->schema != system; });
  out["volatile"] = any([](const catalog::Function* f) { return f->volatility == 'v'; });
  if (any([](const catalog::Function* f) { return f->security_definer; })) out["security_definer"] = true;
  if (any([](const catalog::Function* f) { return f->kind == 'a'; })) out["aggregate"] = true;
  return out;
}

}  // namespace

std::string Subject::id_of(const sql::QualifiedName& name) const {
  for (std::size_t i = 0; i < statement.relations.size(); ++i) {
    if (statement.relations[i].name == name) return "T" + std::to_string(i + 1);
  }
  return {};
}

std::string magnitude(double count) {
  if (!(count >= 0)) return "unknown";
  if (count < 1) return "0";
  constexpr std::string_view orders[] = {"1-9",     "10-99",   "100-999", "1e3-1e4", "1e4-1e5",
                                         "1e5-1e6", "1e6-1e7", "1e7-1e8", "1e8-1e9"};
  std::size_t order = 0;
  for (; count >= 10 && order < std::size(orders); ++order)
    count /= 10;
  return order < std::size(orders) ? std::string(orders[order]) : "more than 1e9";
}

json::array relations_of(const Subject& subject) {
  json::array list;
  for (const RelationUse& use : subject.statement.relations) {
    if (list.size() == most_listed) break;
    list.push_back(Described(subject, use).object());
  }
  return list;
}

json::array functions_of(const Subject& subject) {
  json::array list;
  for (const sql::FunctionUse& use : subject.statement.functions) {
    if (!is_called(use) || list.size() == most_listed) continue;
    list.push_back(function_object(subject, use));
  }
  return list;
}

std::string identities_of(const Subject& subject) {
  std::string text;
  const auto add = [&text](const sql::QualifiedName& name, catalog::Oid oid) {
    // What nobody knows is itself by its name.
    text += oid != 0 ? std::to_string(oid) : name.catalog + '\1' + name.schema + '\1' + name.name;
    text += '\0';
  };
  for (const RelationUse& use : subject.statement.relations) {
    const catalog::Relation* const found = subject.find(use.name);
    add(use.name, found == nullptr ? 0 : found->oid);
  }
  for (const sql::FunctionUse& use : subject.statement.functions)
    add(use.name, 0);
  for (const sql::QualifiedName& object : subject.statement.objects)
    add(object, 0);
  return text;
}

}  // namespace dbgate::models
