#include "gateway/risk/report.h"

// DML: how many rows a change may reach.
namespace dbgate::risk {
namespace {

using sql::Change;
using sql::Sign;
using sql::Where;

void no_where(const Rule& rule, Report& report) {
  for (const Change& change : report.signs.changes) {
    if (change.where == Where::none) report.hit(rule, shown(change.table));
  }
}

void where_always(const Rule& rule, Report& report) {
  for (const Change& change : report.signs.changes) {
    if (change.where == Where::always || change.where == Where::constant) report.hit(rule, shown(change.table));
  }
}

// Whether an equality leads to few rows. Where indexes are not known, any may.
bool by_key(const Change& change, const Report& report) {
  if (change.equal.empty()) return false;
  const catalog::Relation* const table = report.relation(change.table);
  if (table == nullptr || !report.knows_indexes()) return true;
  const auto begins_index = [&](const catalog::Column& column) {
    return std::find(table->indexed.begin(), table->indexed.end(), column.number) != table->indexed.end() &&
           std::binary_search(change.equal.begin(), change.equal.end(), column.name, std::less<>());
  };
  return std::any_of(table->columns.begin(), table->columns.end(), begins_index);
}

void no_key(const Rule& rule, Report& report) {
  for (const Change& change : report.signs.changes) {
    if (change.where != Where::columns || !report.is_large(change.table) || by_key(change, report)) continue;
    report.hit(rule, report.is_huge(change.table) ? Level::high : Level::medium, shown(change.table));
  }
}

void unlinked(const Rule& rule, Report& report) {
  for (const Change& change : report.signs.changes) {
    if (change.unlinked) report.hit(rule, shown(change.table));
  }
}

template <Sign sign>
void has_sign(const Rule& rule, Report& report) {
  if (report.signs.has(sign)) report.hit(rule);
}

void careless_insert(const Rule& rule, Report& report) {
  if (report.signs.has(Sign::insert_of_everything)) report.hit(rule, Level::medium);
  if (report.signs.has(Sign::insert_without_columns)) report.hit(rule, Level::low);
}

constexpr Check checks[] = {
    {{"DML-01", "UPDATE or DELETE without WHERE", Level::critical, Level::critical, Level::critical,
      "Every row of the table is changed or deleted.", "Name the rows that are meant."},
     no_where},
    {{"DML-02", "UPDATE or DELETE whose WHERE holds for every row", Level::critical, Level::critical, Level::critical,
      "The condition names no column of a row, or holds whatever it has: every row is changed or deleted.",
      "Name the rows that are meant by a column."},
     where_always},
    {{"DML-03", "A change of a large table that no key narrows down", Level::medium, Level::medium, Level::medium,
      "Without an equality on the first column of an index, a large part of the table may be read, locked and changed.",
      "Add an equality on an indexed column, or work in batches."},
     no_key},
    {{"DML-05", "A change joined with tables that nothing ties to it", Level::high, Level::high, Level::high,
      "Every row of the one meets every row of the other: as a rule, every row is changed.",
      "Tie FROM or USING to the table in WHERE."},
     unlinked},
    {{"DML-06", "IN (SELECT … LIMIT … FOR UPDATE) in a change", Level::medium, Level::medium, Level::medium,
      "The planner may run the sub-select again for each row: more rows than LIMIT says are locked and changed.",
      "Use a WITH query, or = ANY (ARRAY(SELECT …))."},
     has_sign<Sign::limit_locks_in_change>},
    {{"DML-07", "MERGE that updates or deletes unconditionally", Level::high, Level::high, Level::high,
      "Every row that matches is changed.", "Add a condition: WHEN MATCHED AND …."},
     has_sign<Sign::merge_unconditional>},
    {{"DML-08", "INSERT without columns, or of all rows of another table", Level::low, Level::low, Level::low,
      "Values fall into other columns once the table changes; an unbounded SELECT copies all there is.",
      "Name the columns; bound the SELECT."},
     careless_insert},
    {{"DML-09", "ON CONFLICT DO UPDATE without WHERE", Level::medium, Level::medium, Level::medium,
      "Every row that is there already is overwritten, with what it was or not.",
      "Add WHERE so that only rows that differ are written."},
     has_sign<Sign::upsert_unconditional>},
};

}  // namespace

std::span<const Check> change_checks() {
  return checks;
}

}  // namespace dbgate::risk
