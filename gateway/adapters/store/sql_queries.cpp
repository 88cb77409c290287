#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/ids.h"

// Saved queries.
namespace dbgate::adapters::store {
namespace {

const std::string saved_columns =
    "id, owner, name, target, text, description, shared, created_us, updated_us, revision";

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

}  // namespace dbgate::adapters::store
