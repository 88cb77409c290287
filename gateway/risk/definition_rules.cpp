#include "gateway/risk/report.h"

// DD: definitions, by the locks that they take, the rows that they write anew, and what they throw away. Locks: manual
// ch. 13.3; what is written anew: the manual's pages of ALTER TABLE, CREATE INDEX and their like.
namespace dbgate::risk {
namespace {

using sql::Action;
using sql::ActionKind;

void drops(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    if (action.kind == ActionKind::drop) report.hit(rule, shown(action.name));
    if (action.kind != ActionKind::drop && action.kind != ActionKind::drop_column &&
        action.kind != ActionKind::revoke && action.kind != ActionKind::truncate &&
        action.kind != ActionKind::add_foreign_key && action.cascade)
      report.hit(rule, shown(action.name) + " CASCADE");
    if (action.kind == ActionKind::drop_other) report.hit(rule, Level::medium, shown(action.name));
  }
}

void truncates(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    if (action.kind == ActionKind::truncate) report.hit(rule, shown(action.name));
  }
}

void breaks_names(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    const bool breaks = action.kind == ActionKind::drop_column || action.kind == ActionKind::rename;
    if (breaks) report.hit(rule, action.cascade ? Level::critical : Level::high, shown(action.name));
  }
}

// varchar(20) to varchar(50) or text, which PostgreSQL does without touching rows, if the column is such a one.
bool only_widens(const Action& action, const Report& report) {
  const catalog::Relation* const table = report.relation(action.name);
  if (table == nullptr || !is_one_of(action.type, {"text", "varchar"})) return false;
  for (const catalog::Column& column : table->columns) {
    if (column.name != action.column) continue;
    const catalog::Type* const type = report.circumstances.resolver->snapshot().type(column.type);
    if (type == nullptr || !is_one_of(type->name, {"varchar", "text"})) return false;
    constexpr int header = 4;  // atttypmod of varchar(n) is n + 4
    const int now = column.typmod < 0 ? -1 : column.typmod - header;
    return action.type_length < 0 || (now >= 0 && action.type_length >= now);
  }
  return false;
}

bool rewrites(const Action& action, const Report& report) {
  switch (action.kind) {
    case ActionKind::add_column:
      return action.volatile_default;
    case ActionKind::column_type:
      return !only_widens(action, report);
    case ActionKind::rewrite:
    case ActionKind::vacuum_full:
    case ActionKind::cluster:
      return true;
    default:
      return false;
  }
}

void rewrite(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    if (rewrites(action, report)) report.hit(rule, report.by_size(Level::high, action.name), shown(action.name));
  }
}

// What makes others wait while rows are read, not written anew.
void long_lock(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    switch (action.kind) {
      case ActionKind::set_not_null:
      case ActionKind::attach_partition:
        report.hit(rule, report.by_size(Level::medium, action.name), shown(action.name));
        break;
      case ActionKind::detach_partition:
      case ActionKind::refresh_view:
      case ActionKind::create_trigger:
        if (!action.concurrently) report.hit(rule, report.by_size(Level::medium, action.name), shown(action.name));
        break;
      case ActionKind::lock_table: {
        constexpr int share_row_exclusive = 6;
        if (action.lock_mode >= share_row_exclusive) report.hit(rule, Level::high, shown(action.name));
        break;
      }
      default:
        break;
    }
  }
}

void index_blocks(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    const bool index = action.kind == ActionKind::create_index || action.kind == ActionKind::reindex ||
                       action.kind == ActionKind::drop_index;
    if (!index) continue;
    if (!action.concurrently) report.hit(rule, report.by_size(Level::medium, action.name), shown(action.name));
    if (action.concurrently && report.circumstances.in_transaction)
      report.hit(rule, Level::medium, "CONCURRENTLY in a transaction");
  }
}

void constraint_scans(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    const bool adds = action.kind == ActionKind::add_check || action.kind == ActionKind::add_foreign_key ||
                      action.kind == ActionKind::add_unique;
    if (adds && !action.gentle) report.hit(rule, report.by_size(Level::medium, action.name), shown(action.name));
  }
}

bool locks_out(const Action& action) {
  switch (action.kind) {
    case ActionKind::drop:
    case ActionKind::truncate:
    case ActionKind::drop_column:
    case ActionKind::rename:
    case ActionKind::add_column:
    case ActionKind::column_type:
    case ActionKind::set_not_null:
    case ActionKind::add_check:
    case ActionKind::add_unique:
    case ActionKind::rewrite:
    case ActionKind::brief_lock:
    case ActionKind::row_security_off:
      return true;
    default:
      return false;
  }
}

void no_time_out(const Rule& rule, Report& report) {
  if (report.circumstances.has_lock_timeout) return;
  for (const Action& action : report.signs.actions) {
    const bool matters = locks_out(action) && report.rows(action.name) >= report.circumstances.sizes.small_table;
    if (matters) report.hit(rule, shown(action.name));
  }
}

void several_locks(const Rule& rule, Report& report) {
  if (!report.circumstances.holds_lock) return;
  for (const Action& action : report.signs.actions) {
    if (locks_out(action)) report.hit(rule, shown(action.name));
  }
}

// Whether deletes of what it points to find the rows that point there. Where indexes are not known, they do.
bool has_index(const Action& key, const Report& report) {
  const catalog::Relation* const table = report.relation(key.name);
  if (table == nullptr || key.columns.empty() || !report.knows_indexes()) return true;
  const auto is_first = [&](const catalog::Column& column) { return column.name == key.columns.front(); };
  const auto column = std::find_if(table->columns.begin(), table->columns.end(), is_first);
  return column == table->columns.end() ||
         std::find(table->indexed.begin(), table->indexed.end(), column->number) != table->indexed.end();
}

void foreign_keys(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    if (action.kind != ActionKind::add_foreign_key) continue;
    if (action.cascade) report.hit(rule, Level::medium, shown(action.name));
    if (!has_index(action, report)) report.hit(rule, Level::low, shown(action.name) + "." + action.columns.front());
  }
}

void type_traps(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    const bool typed = action.kind == ActionKind::add_column || action.kind == ActionKind::column_type ||
                       action.kind == ActionKind::create_table;
    if (typed && is_one_of(action.type, {"json", "bpchar", "timestamp", "serial", "money", "timetz"}))
      report.hit(rule, action.type);
  }
}

constexpr Check checks[] = {
    {{"DD-01", "What holds data is dropped", Level::critical, Level::critical, Level::critical,
      "A table, schema or database is gone with its rows, and with CASCADE whatever depends on it.",
      "Rename it first and drop it when nobody has missed it; take a backup."},
     drops},
    {{"DD-02", "TRUNCATE", Level::critical, Level::critical, Level::critical,
      "All rows are gone, without triggers for each, and nobody else can read meanwhile.",
      "Delete the rows that are meant, in batches."},
     truncates},
    {{"DD-03", "A name that programs use goes away", Level::high, Level::high, Level::high,
      "Programs that know the old name fail from that moment on.",
      "Add the new one, move the programs, drop the old one later."},
     breaks_names},
    {{"DD-04", "Every row is written anew", Level::high, Level::high, Level::high,
      "The table is locked against all others until it has been copied.",
      "Add the column without a default and fill it in batches; change types by a new column."},
     rewrite},
    {{"DD-05", "A lock that lasts", Level::medium, Level::medium, Level::medium,
      "Others cannot write, or not even read, while the table is read through.",
      "Add CHECK (… IS NOT NULL) NOT VALID and validate it; use CONCURRENTLY where it exists."},
     long_lock},
    {{"DD-06", "An index without CONCURRENTLY", Level::medium, Level::medium, Level::medium,
      "Nobody can write to the table until the index is built.",
      "CREATE INDEX CONCURRENTLY, outside of a transaction."},
     index_blocks},
    {{"DD-07", "A constraint that reads all rows under a lock", Level::medium, Level::medium, Level::medium,
      "All rows are checked while nobody can write.",
      "Add it NOT VALID and validate it later; build unique indexes CONCURRENTLY and add them USING INDEX."},
     constraint_scans},
    {{"DD-08", "No time-out before a lock that shuts others out", Level::medium, Level::medium, Level::medium,
      "While it waits for a long transaction, all that come later wait behind it.",
      "SET lock_timeout = '2s' first, and try again."},
     no_time_out},
    {{"DD-09", "Several such locks in one transaction", Level::medium, Level::medium, Level::medium,
      "Each is held until the end, and together they can lock each other out.",
      "One such statement in each transaction."},
     several_locks},
    {{"DD-10", "A foreign key that deletes, or has no index", Level::medium, Level::medium, Level::medium,
      "ON DELETE CASCADE deletes rows of this table with those it points to; without an index each delete reads it "
      "all.",
      "ON DELETE RESTRICT; index the columns of the key."},
     foreign_keys},
    {{"DD-11", "A type that is regretted later", Level::low, Level::low, Level::low,
      "json keeps text, char(n) pads, timestamp forgets the zone, serial is int4.",
      "jsonb, text, timestamptz, GENERATED … AS IDENTITY of bigint."},
     type_traps},
};

}  // namespace

std::span<const Check> definition_checks() {
  return checks;
}

bool locks_others_out(const sql::Statement& statement) {
  return statement.signs && std::any_of(statement.signs->actions.begin(), statement.signs->actions.end(), locks_out);
}

bool rests_on_session(const sql::Statement& statement) {
  const auto concurrent = [](const Action& action) { return action.concurrently; };
  return locks_others_out(statement) ||
         (statement.signs && std::any_of(statement.signs->actions.begin(), statement.signs->actions.end(), concurrent));
}

}  // namespace dbgate::risk
