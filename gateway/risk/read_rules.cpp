#include "gateway/risk/report.h"

// RD: what is read, and how much of it.
namespace dbgate::risk {
namespace {

using sql::Effect;
using sql::RelationUse;
using sql::Sign;

bool reads(const RelationUse& use) {
  return use.effects.test(static_cast<std::size_t>(Effect::read)) ||
         use.effects.test(static_cast<std::size_t>(Effect::copy_out));
}

bool is_catalog(const RelationUse& use, const Report& report) {
  if (!use.name.schema.empty()) return is_one_of(use.name.schema, {"pg_catalog", "information_schema"});
  if (!use.name.name.starts_with("pg_")) return false;
  const catalog::Relation* const found = report.relation(use.name);
  return found == nullptr || found->schema == report.circumstances.resolver->system_schema();
}

void cartesian(const Rule& rule, Report& report) {
  if (!report.signs.has(Sign::cartesian)) return;
  std::size_t large = 0;
  for (const RelationUse& use : report.statement.relations)
    large += reads(use) && report.is_large(use.name) ? 1U : 0U;
  report.hit(rule, large > 1 ? Level::high : Level::medium);
}

void mass_read(const Rule& rule, Report& report) {
  const bool many = report.signs.has(Sign::limited) && report.signs.limit > report.circumstances.sizes.mass_read;
  if (!report.signs.has(Sign::unbounded) && !many) return;
  const Caller caller = report.circumstances.caller;
  for (const RelationUse& use : report.statement.relations) {
    if (!reads(use) || is_catalog(use, report)) continue;
    const double rows = report.rows(use.name);
    if (rows >= 0 && rows < static_cast<double>(report.circumstances.sizes.mass_read)) continue;
    const Level level = report.is_large(use.name) ? Level::high : rows >= 0 ? Level::medium : rule.of(caller);
    report.hit(rule, level, shown(use.name));
  }
}

/// Calls `visit` for each relation in the statement that has sensitive columns.
template <class Visit>
void each_sensitive(const Report& report, Visit&& visit) {
  for (const config::TablePattern& table : report.circumstances.sensitive) {
    for (const RelationUse& use : report.statement.relations) {
      if (use.name.name != table.name || !reads(use)) continue;
      // Where the catalog is not known, a name without a schema may be any.
      std::string_view schema = use.name.schema.empty() ? std::string_view(table.schema) : use.name.schema;
      const catalog::Relation* const found = report.relation(use.name);
      if (found != nullptr) schema = report.circumstances.resolver->schema_name(found->schema);
      if (schema == table.schema) visit(use, table);
    }
  }
}

bool lists(const sql::ColumnUse& columns, std::string_view name) {
  return std::binary_search(columns.names.begin(), columns.names.end(), name);
}

void hit_columns(const Rule& rule, Report& report, sql::ColumnUse RelationUse::*columns) {
  each_sensitive(report, [&](const RelationUse& use, const config::TablePattern& table) {
    for (const std::string& column : table.columns) {
      if (lists(use.*columns, column)) report.hit(rule, table.name + "." + column);
    }
  });
}

void star_over_sensitive(const Rule& rule, Report& report) {
  each_sensitive(report, [&](const RelationUse& use, const config::TablePattern& table) {
    if (use.reads.whole_row) report.hit(rule, table.name);
  });
  // What they read, a text says.
  for (const sql::FunctionUse& use : report.statement.functions) {
    const std::string_view name = use.name.name;
    const bool rows_as_xml =
        name.starts_with("table_to_xml") || name.starts_with("schema_to_xml") || name.starts_with("database_to_xml");
    if (use.form == sql::FunctionForm::call && rows_as_xml && !name.ends_with("xmlschema"))
      report.hit(rule, use.name.name);
  }
}

void sensitive_read(const Rule& rule, Report& report) {
  hit_columns(rule, report, &RelationUse::reads);
}

void sensitive_compared(const Rule& rule, Report& report) {
  hit_columns(rule, report, &RelationUse::values);
}

// What holds verifiers or samples of rows.
bool holds_secrets(std::string_view name) {
  return is_one_of(name, {"pg_authid", "pg_shadow", "pg_largeobject", "pg_statistic", "pg_statistic_ext_data",
                          "pg_stats", "pg_stats_ext", "pg_stats_ext_exprs", "pg_hba_file_rules"});
}
// The one column in a catalog of others: passwords for other servers, other people's statements.
std::string_view secret_column(std::string_view name) {
  if (name == "pg_user_mapping" || name == "pg_user_mappings") return "umoptions";
  if (name == "pg_subscription") return "subconninfo";
  return name == "pg_stat_activity" ? "query" : "";
}

void catalog_probe(const Rule& rule, Report& report) {
  for (const RelationUse& use : report.statement.relations) {
    if (!reads(use) || !is_catalog(use, report)) continue;
    const std::string_view secret = secret_column(use.name.name);
    const bool shown = !secret.empty() && (use.reads.whole_row || lists(use.reads, secret));
    if (shown || holds_secrets(use.name.name)) {
      report.hit(rule, Level::critical, use.name.name);
    } else {
      report.hit(rule);
    }
  }
}

void leading_wildcard(const Rule& rule, Report& report) {
  if (report.signs.has(Sign::leading_wildcard)) report.hit(rule);
}

void endless(const Rule& rule, Report& report) {
  if (report.signs.has(Sign::unbounded_recursion)) report.hit(rule, "WITH RECURSIVE");
  if (report.signs.has(Sign::large_series)) report.hit(rule, "generate_series or repeat");
}

bool takes_advisory_lock(std::string_view name) {
  return name.starts_with("pg_advisory") || name.starts_with("pg_try_advisory");
}

void reader_locks(const Rule& rule, Report& report) {
  // Who changes rows locks them first.
  const Level level = report.circumstances.only_reads ? Level::medium : rule.of(report.circumstances.caller);
  const bool locks = report.statement.kind == sql::StatementKind::select && report.has(Effect::lock);
  if (locks) report.hit(rule, level);
  for (const sql::FunctionUse& use : report.statement.functions) {
    if (takes_advisory_lock(use.name.name)) report.hit(rule, level, use.name.name);
  }
}

void makes_table(const Rule& rule, Report& report) {
  if (report.has(Effect::select_into)) report.hit(rule);
}

constexpr Check checks[] = {
    {{"RD-01", "Tables that no condition ties together", Level::medium, Level::medium, Level::medium,
      "Every row of one meets every row of the other; the result grows as their product.",
      "Join by ON or USING, or name the columns that belong together in WHERE."},
     cartesian},
    {{"RD-02", "Everything of a table is read", Level::low, Level::medium, Level::medium,
      "Without a condition and without a small LIMIT, a whole table leaves the database.",
      "Add a condition or a LIMIT; use an export, which has limits of its own, for whole tables."},
     mass_read},
    {{"RD-03", "SELECT * of a table with sensitive columns", Level::medium, Level::medium, Level::medium,
      "The whole row is read, with what is sensitive in it.", "Name the columns that are needed."},
     star_over_sensitive},
    {{"RD-04", "A sensitive column is read", Level::high, Level::high, Level::high,
      "What it holds leaves the database, or can be found out by comparing with it.", "Read it masked, or do without."},
     sensitive_read},
    {{"RD-05", "A sensitive column is computed with or ordered by", Level::medium, Level::medium, Level::medium,
      "Values can be found out by comparing, ordering and grouping, though they are not shown.", "Use another column."},
     sensitive_compared},
    {{"RD-06", "The system catalog is read", Level::low, Level::medium, Level::medium,
      "What there is, is what an attacker asks first. Some catalogs hold password verifiers, samples of rows, or the "
      "statements of others.",
      "Use the schema browser; leave out catalogs that hold secrets."},
     catalog_probe},
    {{"RD-07", "LIKE with a wildcard at the beginning", Level::low, Level::low, Level::low,
      "No index on the column can help: the whole table is read.", "Begin with letters, or use a trigram index."},
     leading_wildcard},
    {{"RD-08", "A query that makes its own rows without an end", Level::high, Level::high, Level::high,
      "A recursion without an end, or a series of millions, keeps a processor and the disk busy until somebody stops "
      "it.",
      "Give it a LIMIT, a CYCLE clause or smaller bounds."},
     endless},
    {{"RD-09", "A reader takes locks", Level::low, Level::low, Level::medium,
      "Rows that are locked, and advisory locks, make others wait.", "Lock only what is going to be changed."},
     reader_locks},
    {{"RD-10", "A query makes a table", Level::medium, Level::medium, Level::medium,
      "A copy of data comes about, outside of what policies and masks know.", "Read the rows instead."},
     makes_table},
};

}  // namespace

std::span<const Check> read_checks() {
  return checks;
}

bool reads_catalog(const Assessment& assessment) {
  return std::any_of(assessment.hits.begin(), assessment.hits.end(),
                     [](const Hit& hit) { return std::string_view(hit.rule->id) == "RD-06"; });
}

}  // namespace dbgate::risk
