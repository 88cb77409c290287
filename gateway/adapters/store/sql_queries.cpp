#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/ids.h"

// Saved queries and the history of queries.
namespace dbgate::adapters::store {
namespace {

const std::string saved_columns =
    "id, owner, name, target, text, description, shared, created_us, updated_us, revision";
const std::string history_columns =
    "id, user_name, target, database_name, text, state, sqlstate, row_count, bytes, started_us, finished_us";

SavedQuery read_saved(SqlRow& row) {
  SavedQuery query;
  query.id = row.text();
  query.owner = row.text();
  query.name = row.text();
  query.target = row.text();
  query.text = row.text();
  query.description = row.text();
  query.shared = row.flag();
  query.created_us = row.number();
  query.updated_us = row.number();
  query.revision = row.number();
  return query;
}

QueryRecord read_history(SqlRow& row) {
  QueryRecord query;
  query.id = row.text();
  query.user = row.text();
  query.target = row.text();
  query.database = row.text();
  query.text = row.text();
  query.state = row.text();
  query.sqlstate = row.text();
  query.rows = row.number();
  query.bytes = row.number();
  query.started_us = row.number();
  query.finished_us = row.number();
  return query;
}

}  // namespace

Result<std::optional<SavedQuery>> SqlWork::find_saved_query(std::string_view id) {
  const std::string sql = "SELECT " + saved_columns + " FROM saved_queries WHERE id = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {id}));
  return read_one<SavedQuery>(std::move(result), read_saved);
}

Result<Listed<SavedQuery>> SqlWork::list_saved_queries(std::string_view user, const Page& page) {
  ListQuery list("SELECT " + saved_columns + " FROM saved_queries");
  list.where("(shared = 1 OR owner = ?)", user);
  DBGATE_CHECK(list.page("name", "id", page, false));
  return list_page<SavedQuery>(core_.database, list, page, read_saved, &SavedQuery::name, &SavedQuery::id);
}

Result<SavedQuery> SqlWork::create_saved_query(const SavedQuery& query, Micros now_us) {
  SavedQuery made = query;
  made.id = make_id("sqy_");
  made.created_us = made.updated_us = now_us;
  made.revision = 1;
  DBGATE_CHECK(core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    const auto inserted = transaction.run(
        "INSERT INTO saved_queries (id, owner, name, target, text, description, shared, created_us, updated_us, "
        "revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 1)",
        {made.id, made.owner, made.name, made.target, made.text, made.description, made.shared, now_us});
    if (!inserted) return taken(inserted.error(), "saved query");
    return done;
  }));
  return made;
}

Result<SavedQuery> SqlWork::update_saved_query(const SavedQuery& query, Micros now_us) {
  return core_.write<SavedQuery>([&](SqlTransaction& transaction) -> Result<SavedQuery> {
    const std::string sql =
        "UPDATE saved_queries SET name = $3, target = $4, text = $5, description = $6, shared = $7, updated_us = $8, "
        "revision = revision + 1 WHERE id = $1 AND revision = $2 RETURNING " +
        saved_columns;
    auto updated = transaction.run(sql.c_str(), {query.id, query.revision, query.name, query.target, query.text,
                                                 query.description, query.shared, now_us});
    if (!updated) return taken(updated.error(), "saved query");
    DBGATE_CHECK(
        require_changed(transaction, *updated, "SELECT 1 FROM saved_queries WHERE id = $1", query.id, "saved query"));
    SqlRow row = updated->row(0);
    return read_saved(row);
  });
}

Result<> SqlWork::remove_saved_query(std::string_view id, std::int64_t revision) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_TRY(
        const SqlResult removed,
        transaction.run("DELETE FROM saved_queries WHERE id = $1 AND ($2 = 0 OR revision = $2)", {id, revision}));
    return require_changed(transaction, removed, "SELECT 1 FROM saved_queries WHERE id = $1", id, "saved query");
  });
}

Result<> SqlWork::add_history(const QueryRecord& query) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    const auto inserted = transaction.run(
        "INSERT INTO query_history (id, user_name, target, database_name, text, state, sqlstate, row_count, bytes, "
        "started_us, finished_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        {query.id, query.user, query.target, query.database, query.text, query.state, query.sqlstate, query.rows,
         query.bytes, query.started_us, query.finished_us});
    if (!inserted) return taken(inserted.error(), "query");
    return done;
  });
}

Result<> SqlWork::finish_history(const QueryRecord& query) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_TRY(const SqlResult updated,
               transaction.run("UPDATE query_history SET state = $2, sqlstate = $3, row_count = $4, bytes = $5, "
                               "finished_us = $6 WHERE id = $1",
                               {query.id, query.state, query.sqlstate, query.rows, query.bytes, query.finished_us}));
    if (updated.changed == 0) return missing("query");
    return done;
  });
}

Result<std::optional<QueryRecord>> SqlWork::find_history(std::string_view id) {
  const std::string sql = "SELECT " + history_columns + " FROM query_history WHERE id = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {id}));
  return read_one<QueryRecord>(std::move(result), read_history);
}

Result<Listed<QueryRecord>> SqlWork::list_history(const HistoryFilter& filter, const Page& page) {
  ListQuery list("SELECT " + history_columns + " FROM query_history");
  if (!filter.user.empty()) list.where("user_name = ?", filter.user);
  if (!filter.target.empty()) list.where("target = ?", filter.target);
  if (filter.since_us != 0) list.where("started_us >= ?", filter.since_us);
  if (filter.until_us != 0) list.where("started_us < ?", filter.until_us);
  DBGATE_CHECK(list.page("started_us", "id", page, true));
  return list_page<QueryRecord>(core_.database, list, page, read_history, &QueryRecord::started_us, &QueryRecord::id);
}

Result<std::int64_t> SqlWork::remove_history_before(Micros started_us) {
  return core_.write<std::int64_t>([&](SqlTransaction& transaction) -> Result<std::int64_t> {
    DBGATE_TRY(const SqlResult removed,
               transaction.run("DELETE FROM query_history WHERE started_us < $1", {started_us}));
    return removed.changed;
  });
}

}  // namespace dbgate::adapters::store
