#include "gateway/adapters/pg_catalog_source.h"

#include <algorithm>
#include <set>
#include <span>
#include <unordered_map>

#include "gateway/adapters/pg_catalog_queries.h"
#include "gateway/adapters/pg_connection.h"
#include "gateway/base/log.h"
#include "gateway/catalog/builder.h"

namespace dbgate::adapters {
namespace {

using catalog::Oid;
using std::chrono::milliseconds;

constexpr PgPurpose purpose{"catalog", "dbgate catalog"};
// A server that says more than this wants to exhaust us.
constexpr std::size_t most_rows = 50'000'000;
constexpr std::size_t most_bytes = std::size_t{4} << 30;
// Definitions take locks. Whoever holds one of them against us delays a load by this at most, and so often.
constexpr const char* lock_timeout = "100ms";
constexpr std::size_t most_refusals = 50;
constexpr std::size_t batch = 500;

const Result<> done = boost::system::in_place_value;

std::string array_text(std::span<const Oid> oids) {
  std::string text = "{";
  for (const Oid oid : oids)
    text.append(text.size() > 1 ? "," : "").append(std::to_string(oid));
  return text + "}";
}

/// One load over one connection.
class Loader {
 public:
  explicit Loader(PgConnection connection) : connection_(std::move(connection)) {}

  Result<std::shared_ptr<const catalog::Snapshot>> load(const ports::CatalogRequest& request);

 private:
  using Add = void (Loader::*)(const PgRow&);

  Result<> begin(milliseconds timeout);
  Result<> read(std::initializer_list<std::string_view> catalogs, std::string_view sql, Add add);
  Result<> read_defined(std::initializer_list<std::string_view> catalogs, std::string_view oids, Add add,
                        std::string (*query)(bool definition));
  Result<> read_comments();
  Result<> read_wide_names();
  Result<> read_batch(std::span<const Oid> oids, Add add, std::string (*query)(bool definition));
  Result<> try_batch(std::span<const Oid> oids, Add add, const std::string& sql);
  bool readable(std::initializer_list<std::string_view> catalogs) const;
  bool too_much() const { return builder_.rows() > most_rows || builder_.memory_bytes() > most_bytes; }

  void add_unreadable(const PgRow& row);
  void add_schema(const PgRow& row);
  void add_relation(const PgRow& row);
  void add_column(const PgRow& row);
  void add_parent(const PgRow& row);
  void add_indexed(const PgRow& row);
  void add_virtual_part(const PgRow& row);
  void add_rule(const PgRow& row);
  void add_trigger(const PgRow& row);
  void add_foreign_key(const PgRow& row);
  void add_unique_key(const PgRow& row);
  void add_comment(const PgRow& row);
  void add_expression(const PgRow& row);
  void add_aggregate(const PgRow& row);
  void add_function(const PgRow& row);
  void add_operator(const PgRow& row);
  void add_type(const PgRow& row);
  void add_check(const PgRow& row);
  void add_cast(const PgRow& row);
  void add_wide_name(const PgRow& row) { builder_.add_wide_name(row.text(0)); }
  void add_oid(const PgRow& row) { oids_.push_back(row.oid(0)); }

  PgConnection connection_;
  catalog::SnapshotBuilder builder_;
  std::set<std::string, std::less<>> unreadable_;
  std::vector<Oid> oids_;
  std::unordered_map<Oid, std::vector<Oid>> support_;  // of aggregates
  std::size_t refusals_ = 0;
};

Result<> Loader::begin(milliseconds timeout) {
  DBGATE_CHECK(connection_.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  DBGATE_CHECK(connection_.execute(std::string(queries::settings) +
                                   "; SET LOCAL statement_timeout = " + std::to_string(timeout.count())));
  if (connection_.unconverted()) {
    DBGATE_CHECK(connection_.execute("SET LOCAL client_encoding = 'SQL_ASCII'"));
  }
  return read({}, queries::unreadable(connection_.server_version()), &Loader::add_unreadable);
}

bool Loader::readable(std::initializer_list<std::string_view> catalogs) const {
  return std::none_of(catalogs.begin(), catalogs.end(),
                      [this](std::string_view name) { return unreadable_.contains(name); });
}

Result<> Loader::read(std::initializer_list<std::string_view> catalogs, std::string_view sql, Add add) {
  if (!readable(catalogs)) return done;
  const auto read = connection_.stream(std::string(sql), [&](const PgRow& row) {
    if (!too_much()) (this->*add)(row);
  });
  if (read && too_much()) return Error(sqlstate::program_limit_exceeded, "the server's catalog is beyond all bounds");
  return read;
}

// Nothing rests on them: a server that does not give them has none.
Result<> Loader::read_comments() {
  DBGATE_CHECK(connection_.execute("SAVEPOINT comments"));
  const auto got = read({"pg_class"}, queries::comments, &Loader::add_comment);
  if (got) return connection_.execute("RELEASE comments");
  const Error why = got.error();
  if (connection_.broken() || why.code() != sqlstate::insufficient_privilege) return why;
  return connection_.execute("ROLLBACK TO comments; RELEASE comments");
}

// Without them no name beyond ASCII is known: a server that does not give them loses nothing but those.
Result<> Loader::read_wide_names() {
  if (connection_.speaks_utf8()) return done;
  builder_.set_other_encoding();
  DBGATE_CHECK(connection_.execute("SAVEPOINT names"));
  const auto got = read({"pg_namespace", "pg_class", "pg_attribute", "pg_proc", "pg_type"}, queries::wide_names,
                        &Loader::add_wide_name);
  if (got) return connection_.execute("RELEASE names");
  const Error why = got.error();
  if (connection_.broken() || why.code() == sqlstate::query_canceled) return why;
  log::warn("catalog", "the server did not give the names beyond ASCII",
            {{"sqlstate", std::string(why.code().text())}});
  return connection_.execute("ROLLBACK TO names; RELEASE names");
}

Result<> Loader::try_batch(std::span<const Oid> oids, Add add, const std::string& sql) {
  return connection_.all(sql, array_text(oids), [&](const PgRow& row) {
    if (!too_much()) (this->*add)(row);
  });
}

// A definition that the server will not give now (a lock, a function that may not be called, an object that has just
// gone) must not cost the others: halves are tried until the culprits are alone, and those stay without definition.
Result<> Loader::read_batch(std::span<const Oid> oids, Add add, std::string (*query)(bool definition)) {
  if (oids.empty()) return done;
  if (refusals_ >= most_refusals) return try_batch(oids, add, query(false));
  DBGATE_CHECK(connection_.execute("SAVEPOINT definitions"));
  const auto read = try_batch(oids, add, query(true));
  if (read) return connection_.execute("RELEASE definitions");
  const Error why = read.error();
  if (connection_.broken() || why.code() == sqlstate::query_canceled) return why;
  ++refusals_;
  DBGATE_CHECK(connection_.execute("ROLLBACK TO definitions; RELEASE definitions"));
  if (oids.size() == 1) return try_batch(oids, add, query(false));
  DBGATE_CHECK(read_batch(oids.first(oids.size() / 2), add, query));
  return read_batch(oids.subspan(oids.size() / 2), add, query);
}

Result<> Loader::read_defined(std::initializer_list<std::string_view> catalogs, std::string_view oids, Add add,
                              std::string (*query)(bool definition)) {
  oids_.clear();
  DBGATE_CHECK(read(catalogs, oids, &Loader::add_oid));
  std::span<const Oid> left(oids_);
  while (!left.empty() && !too_much()) {
    const auto now = left.first(std::min(batch, left.size()));
    DBGATE_CHECK(read_batch(now, add, query));
    left = left.subspan(now.size());
  }
  return done;
}

Result<std::shared_ptr<const catalog::Snapshot>> Loader::load(const ports::CatalogRequest& request) {
  const int version = connection_.server_version();
  if (version < queries::oldest_server) {
    return Error(sqlstate::feature_not_supported, "the server is older than PostgreSQL 13");
  }
  DBGATE_CHECK(begin(request.timeout));
  DBGATE_CHECK(read({"pg_namespace"}, queries::schemas, &Loader::add_schema));
  DBGATE_CHECK(read({"pg_class"}, queries::relations, &Loader::add_relation));
  DBGATE_CHECK(read({"pg_attribute", "pg_class"}, queries::columns, &Loader::add_column));
  DBGATE_CHECK(read({"pg_inherits"}, queries::parents, &Loader::add_parent));
  if (version >= queries::virtual_columns_since) {
    DBGATE_CHECK(read({"pg_attrdef", "pg_attribute", "pg_depend"}, queries::virtual_parts, &Loader::add_virtual_part));
  }
  DBGATE_CHECK(read({"pg_index", "pg_class"}, queries::indexed, &Loader::add_indexed));
  DBGATE_CHECK(read({"pg_trigger", "pg_class", "pg_constraint"}, queries::triggers, &Loader::add_trigger));
  DBGATE_CHECK(read({"pg_constraint"}, queries::foreign_keys, &Loader::add_foreign_key));
  DBGATE_CHECK(read({"pg_constraint"}, queries::unique_keys, &Loader::add_unique_key));
  DBGATE_CHECK(read_comments());
  DBGATE_CHECK(read_wide_names());
  DBGATE_CHECK(read({"pg_aggregate"}, queries::aggregates, &Loader::add_aggregate));
  DBGATE_CHECK(read({"pg_proc", "pg_language"}, queries::functions(version), &Loader::add_function));
  DBGATE_CHECK(read({"pg_operator"}, queries::operators, &Loader::add_operator));
  DBGATE_CHECK(read({"pg_type"}, queries::types, &Loader::add_type));
  DBGATE_CHECK(read({"pg_constraint"}, queries::checks, &Loader::add_check));
  DBGATE_CHECK(read({"pg_cast"}, queries::casts, &Loader::add_cast));
  DBGATE_CHECK(read({"pg_rewrite", "pg_class", "pg_namespace"}, queries::system_rules, &Loader::add_rule));
  DBGATE_CHECK(connection_.execute(std::string("SET LOCAL lock_timeout = '") + lock_timeout + "'"));
  DBGATE_CHECK(read_defined({"pg_rewrite", "pg_class", "pg_namespace"}, queries::user_rule_oids, &Loader::add_rule,
                            queries::rules));
  if (version >= queries::sql_bodies_since) {
    DBGATE_CHECK(
        read_defined({"pg_proc", "pg_language"}, queries::sql_body_oids, &Loader::add_function, queries::sql_bodies));
  }
  for (const queries::ExpressionQueries& kind : queries::expressions)
    DBGATE_CHECK(read_defined({kind.catalog, "pg_attribute"}, kind.oids, &Loader::add_expression, kind.texts));
  DBGATE_CHECK(connection_.execute("COMMIT"));
  if (too_much()) return Error(sqlstate::program_limit_exceeded, "the server's catalog is beyond all bounds");
  if (refusals_ > 0) log::warn("catalog", "the server did not give all definitions", {{"database", request.database}});
  return builder_.build(request.version, version, request.previous.get());
}

void Loader::add_unreadable(const PgRow& row) {
  builder_.add_unreadable(row.text(0));
  unreadable_.emplace(row.text(0));
}

void Loader::add_schema(const PgRow& row) {
  builder_.add(catalog::Schema{row.oid(0), row.text(1)});
}

void Loader::add_relation(const PgRow& row) {
  catalog::Relation relation;
  relation.oid = row.oid(0);
  relation.schema = row.oid(1);
  relation.name = row.text(2);
  relation.kind = static_cast<catalog::RelationKind>(row.letter(3));
  relation.row_security = row.flag(4);
  relation.rows = row.float8(5);
  relation.pages = row.int64(6);
  builder_.add(relation);
}

void Loader::add_column(const PgRow& row) {
  builder_.add_column(row.oid(0), {row.text(1), row.oid(2), row.int32(3), row.int16(4), row.flag(5), row.flag(6)});
}

void Loader::add_parent(const PgRow& row) {
  builder_.add_parent(row.oid(0), row.oid(1));
}

void Loader::add_indexed(const PgRow& row) {
  builder_.add_indexed(row.oid(0), row.int16(1));
}

void Loader::add_virtual_part(const PgRow& row) {
  builder_.add_virtual_part(row.oid(0), {row.int16(1), static_cast<std::int16_t>(row.int32(2))});
}

void Loader::add_rule(const PgRow& row) {
  builder_.add(catalog::Rule{row.oid(0), row.text(1), row.letter(2), row.flag(3), row.flag(4), row.text(5)});
}

void Loader::add_trigger(const PgRow& row) {
  builder_.add(
      catalog::Trigger{row.oid(0), row.oid(1), row.text(2), row.int16(3), row.flag(4), row.text(5), row.text(6)});
}

std::vector<std::int16_t> column_numbers(const PgRow& row, int field) {
  std::vector<std::int16_t> columns;
  for (const Oid number : row.oids(field))
    columns.push_back(static_cast<std::int16_t>(number));
  return columns;
}

void Loader::add_unique_key(const PgRow& row) {
  const std::vector<std::int16_t> columns = column_numbers(row, 2);
  builder_.add(catalog::UniqueKey{row.oid(0), row.flag(1), columns});
}

void Loader::add_comment(const PgRow& row) {
  builder_.add(catalog::Comment{row.oid(0), static_cast<std::int16_t>(row.int32(1)), row.text(2)});
}

void Loader::add_foreign_key(const PgRow& row) {
  const std::vector<std::int16_t> columns = column_numbers(row, 4), referenced = column_numbers(row, 5);
  builder_.add(catalog::ForeignKey{row.oid(0), row.oid(1), row.letter(2), row.letter(3), columns, referenced});
}

void Loader::add_expression(const PgRow& row) {
  builder_.add(catalog::Expression{row.oid(0), static_cast<catalog::ExpressionKind>(row.letter(1)), row.text(2)});
}

void Loader::add_aggregate(const PgRow& row) {
  std::vector<Oid>& support = support_[row.oid(0)];
  for (const Oid function : row.oids(1)) {
    if (function != 0) support.push_back(function);
  }
}

void Loader::add_function(const PgRow& row) {
  catalog::Function function;
  function.oid = row.oid(0);
  function.schema = row.oid(1);
  function.name = row.text(2);
  function.kind = row.letter(3);
  function.volatility = row.letter(4);
  function.security_definer = row.flag(5);
  function.returns_set = row.flag(6);
  function.strict = row.flag(7);
  function.defaults = static_cast<std::uint16_t>(row.int16(8));
  function.variadic = row.oid(9);
  function.result = row.oid(10);
  const std::vector<Oid> arguments = row.oids(11);
  const std::vector<std::string_view> modes = row.texts(12);  // none: all are IN
  std::vector<std::string_view> given = row.texts(13);
  given.resize(std::max(modes.size(), given.size()));
  std::vector<std::string_view> names, columns;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string_view mode = i < modes.size() ? modes[i] : "i";
    if (mode == "i" || mode == "b" || mode == "v") names.push_back(given[i]);
    if (mode == "o" || mode == "b" || mode == "t") columns.push_back(given[i]);
  }
  if (std::all_of(names.begin(), names.end(), [](std::string_view name) { return name.empty(); })) names.clear();
  function.arguments = arguments;
  function.names = names;
  function.columns = columns;
  const auto support = support_.find(function.oid);
  if (support != support_.end()) function.support = support->second;
  function.language = row.text(14);
  function.body = row.text(15);
  function.search_path = row.text(16);
  function.parallel = row.letter(17);
  builder_.add(function);
}

void Loader::add_operator(const PgRow& row) {
  builder_.add(catalog::Operator{row.oid(0), row.oid(1), row.text(2), row.oid(3), row.oid(4), row.oid(5), row.oid(6)});
}

void Loader::add_type(const PgRow& row) {
  catalog::Type type;
  type.oid = row.oid(0);
  type.schema = row.oid(1);
  type.name = row.text(2);
  type.kind = row.letter(3);
  type.category = row.letter(4);
  type.preferred = row.flag(5);
  type.relation = row.oid(6);
  type.element = row.oid(7);
  type.array = row.oid(8);
  type.base = row.oid(9);
  type.typmod = row.int32(10);
  builder_.add(type);
}

void Loader::add_check(const PgRow& row) {
  builder_.add_check(row.oid(0), row.text(1));
}

void Loader::add_cast(const PgRow& row) {
  builder_.add(catalog::Cast{row.oid(0), row.oid(1), row.oid(2), row.letter(3), row.letter(4)});
}

class PgCatalogSource final : public ports::CatalogSource {
 public:
  Result<std::shared_ptr<const catalog::Snapshot>> load(const ports::CatalogRequest& request,
                                                        const std::stop_token& stop) override {
    const PgBounds bounds{std::chrono::steady_clock::now() + request.timeout, stop};
    DBGATE_TRY(PgConnection connection, PgConnection::open(request.server, request.database, bounds, purpose));
    return Loader(std::move(connection)).load(request);
  }
};

}  // namespace

std::unique_ptr<ports::CatalogSource> make_pg_catalog_source() {
  forget_libpq_environment();
  return std::make_unique<PgCatalogSource>();
}

}  // namespace dbgate::adapters
