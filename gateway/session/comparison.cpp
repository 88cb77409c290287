#include "gateway/session/comparison.h"

#include <algorithm>
#include <charconv>

#include "gateway/audit/json.h"
#include "gateway/session/commit_gate.h"

// Rows of answers are lines: a letter that says what it is, numbers, and text behind them that needs no escaping.
namespace dbgate::session {
namespace {

constexpr std::size_t most_tables = 10'000;

template <class Number>
Number number_of(std::string_view text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string_view take(std::string_view& text, char until) {
  const std::size_t end = std::min(text.find(until), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::string quoted(std::string_view text) {
  std::string literal = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') literal += c;
    literal += c;
  }
  return literal + "'";
}

std::string most() {
  return std::to_string(Changes::most_rows + 1);
}

// Key and image of a row, as two lines. Values that nobody would read are cut, as dbgate_gate.shortened() does.
std::string told(const std::string& key, const std::string& more) {
  return "SELECT " + more + "pg_catalog.jsonb_build_array(" + key +
         ")::text AS key, pg_catalog.to_jsonb(dbgate_row.*) AS image";
}
const std::string shown =
    "key || chr(10) || CASE WHEN length(image::text) <= 16384 THEN image ELSE (SELECT jsonb_object_agg(e.key, CASE "
    "WHEN "
    "length(e.value::text) <= 4096 THEN e.value ELSE to_jsonb(format('%s… (%s characters, MD5 %s)', left(e.value #>> "
    "'{}', 256), length(e.value #>> '{}'), md5(e.value #>> '{}'))) END) FROM jsonb_each(image) e) END::text";

std::string array_of(const std::set<std::string>& items) {
  std::string list;
  for (const std::string& item : items)
    list += (list.empty() ? "\"" : ",\"") + item + "\"";
  return "'{" + list + "}'";
}

}  // namespace

// Functions in the place of operators: those of another schema might come first.
const char* Comparison::opening() {
  return "SELECT pg_catalog.concat('M', pg_catalog.mxid_age('1'::pg_catalog.xid)) UNION ALL "
         "SELECT pg_catalog.concat('C', pg_catalog.current_setting('track_counts')) UNION ALL "
         "SELECT pg_catalog.concat('B', counted.oid, ' ', counted.n) FROM (SELECT c.oid, pg_catalog.int8pl("
         "pg_catalog.int8pl(pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), "
         "pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)), pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)) AS n "
         "FROM pg_catalog.pg_class c) counted WHERE pg_catalog.int8gt(counted.n, 0::pg_catalog.int8)";
}

// Values are shown whole, whatever the requester has set: with extra_float_digits below zero two numbers look alike.
// The list stands in dbgate_gate.capture() as well.
std::string Comparison::settings(std::chrono::milliseconds limit) {
  std::string sql =
      "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), "
      "pg_catalog.set_config('row_security', 'off', true), pg_catalog.set_config('statement_timeout', '" +
      std::to_string(limit.count()) + "', true)";
  constexpr std::pair<const char*, const char*> forms[] = {{"extra_float_digits", "1"},   {"DateStyle", "ISO, YMD"},
                                                           {"IntervalStyle", "postgres"}, {"bytea_output", "hex"},
                                                           {"lc_monetary", "C"},          {"xmlbinary", "base64"}};
  for (const auto& [name, value] : forms)
    sql.append(", pg_catalog.set_config('").append(name).append("', '").append(value).append("', true)");
  return sql;
}

// A table whose rows a transaction changes stays locked until it ends, whatever becomes of the counters; and what is
// counted was changed, whatever becomes of the locks. Without a primary key no two versions are of the same row.
std::string Comparison::facts() const {
  std::string baseline = "(0::oid, 0::int8)";
  for (const auto& [oid, n] : counted_before_)
    baseline += ", (" + std::to_string(oid) + "::oid, " + std::to_string(n) + "::int8)";
  return "WITH baseline (oid, n) AS (VALUES " + baseline +
         "), locked AS MATERIALIZED (SELECT DISTINCT l.relation AS oid FROM pg_locks l WHERE l.pid = pg_backend_pid() "
         "AND "
         "l.locktype = 'relation' AND l.granted AND l.mode = 'RowExclusiveLock'), "
         "touched AS MATERIALIZED (SELECT c.oid, c.relname, c.relkind, c.relispartition, s.nspname, "
         "s.nspname ~ '^pg_' OR s.nspname = 'information_schema' AS of_system, "
         "(SELECT am.amname FROM pg_am am WHERE am.oid = c.relam) AS method, "
         "pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) + "
         "pg_stat_get_xact_tuples_deleted(c.oid) - coalesce((SELECT b.n FROM baseline b WHERE b.oid = c.oid), 0) AS n, "
         "EXISTS (SELECT FROM locked l WHERE l.oid = c.oid) AS is_locked, "
         "(SELECT string_agg(format('dbgate_row.%I', a.attname), ', ' ORDER BY k.place) FROM pg_index i "
         "CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place) JOIN pg_attribute a ON a.attrelid = "
         "i.indrelid AND a.attnum = k.number WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND k.place "
         "<= "
         "i.indnkeyatts) AS key FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace "
         "WHERE c.relkind IN ('r', 'm', 'f') AND c.relpersistence <> 't' AND c.oid IS DISTINCT FROM "
         "to_regclass('dbgate_gate.change')), "
         "changed AS MATERIALIZED (SELECT t.*, row_number() OVER (ORDER BY t.oid) AS nr, CASE "
         "WHEN t.of_system THEN 'of the system' WHEN t.relkind = 'f' THEN 'a foreign table' "
         "WHEN t.relkind = 'm' THEN 'a materialized view' WHEN t.method IS DISTINCT FROM 'heap' THEN 'not a heap' "
         "END AS why FROM touched t "
         "WHERE t.n > 0 OR (t.is_locked AND NOT t.of_system)) "
         "SELECT concat('X', pg_current_xact_id_if_assigned(), ' ', pg_backend_pid()) "
         "UNION ALL SELECT concat('S', name, ' ', current_setting(name)) FROM unnest(ARRAY['TimeZone', 'DateStyle', "
         "'IntervalStyle', 'extra_float_digits', 'bytea_output', 'lc_monetary', 'xmlbinary']) name "
         "UNION ALL SELECT concat('U', oid::regclass, ' (', why, ')') FROM changed WHERE why IS NOT NULL "
         "UNION ALL SELECT concat('N', nr, ' ', n, ' ', CASE WHEN relispartition THEN pg_partition_root(oid) ELSE oid "
         "END::regclass) FROM changed WHERE why IS NULL "
         "UNION ALL SELECT concat('F', nr, ' ', format('%I.%I', nspname, relname)) FROM changed WHERE why IS NULL "
         "UNION ALL SELECT concat('K', nr, ' ', coalesce(key, 'dbgate_row.tableoid::text, dbgate_row.ctid::text')) "
         "FROM changed WHERE why IS NULL";
}

Comparison::Table* Comparison::table_of(std::string_view& said) {
  const auto nr = number_of<std::size_t>(take(said, ' '));
  const bool known = tables_.contains(nr);
  if (!known && tables_.size() >= most_tables) return nullptr;
  return &tables_[nr];
}

void Comparison::add(std::string_view line) {
  if (line.empty()) return;
  std::string_view said = line.substr(1);
  switch (line.front()) {
    case 'M': {  // the next one's age, as 32 bits: mxid_age() of the first is one less
      const auto age = static_cast<std::uint32_t>(number_of<std::int32_t>(said));
      next_multixact_ = std::to_string(std::max<std::uint32_t>(age + 1, 1));
      break;
    }
    case 'C':
      counts_ = counts_ && said == "on";
      break;
    case 'B': {
      const auto oid = number_of<std::uint32_t>(take(said, ' '));
      counted_before_[oid] = number_of<std::uint64_t>(said);
      break;
    }
    case 'X':
      transaction_ = take(said, ' ');
      backend_ = said;
      break;
    case 'S': {
      const std::string_view name = take(said, ' ');
      settings_.emplace_back(name, said);
      break;
    }
    case 'U':
      unseen_.emplace_back(said);
      break;
    case 'N':
      if (Table* const table = table_of(said)) {
        table->counted = number_of<std::uint64_t>(take(said, ' '));
        table->name = said;
      }
      break;
    case 'F':
      if (Table* const table = table_of(said)) table->from = said;
      break;
    case 'K':
      if (Table* const table = table_of(said)) table->key = said;
      break;
    case 'A': {
      Version version;
      version.table = number_of<std::size_t>(take(said, ' '));
      version.key = take(said, '\n');
      version.image = said;
      if (fits(version)) own_.push_back(std::move(version));
      break;
    }
    case 'V': {
      const auto table = number_of<std::size_t>(take(said, ' '));
      still_seen_.emplace(table, said);
      break;
    }
    case 'R':
      running_.emplace(said);
      break;
    default:
      break;
  }
}

std::string Comparison::settings_of_others() const {
  std::string sql =
      "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL lock_timeout = '2s'; "
      "SET LOCAL row_security = off";
  for (const auto& [name, value] : settings_)
    sql += "; SELECT pg_catalog.set_config(" + quoted(name) + ", " + quoted(value) + ", true)";
  return sql + "; SET LOCAL search_path = pg_catalog, pg_temp";
}

// A version that others see and that this transaction has replaced or deleted carries its id, or that of one of its
// subtransactions, which are all higher; or a multixact made since, where somebody else has locked the row as well.
// It carries them too if it was only locked, or if the change was undone: own_versions() tells.
std::vector<std::string> Comparison::versions_of_others() const {
  const auto whole = number_of<std::uint64_t>(transaction_);
  const std::string xid = quoted(std::to_string(whole & UINT32_MAX)) + "::xid";
  std::vector<std::string> asked;
  asked.push_back("SELECT 'H' || count(*) || ' ' || age(" + xid +
                  ") FROM pg_locks WHERE locktype = 'transactionid' AND pid = " + backend_ +
                  " AND granted AND transactionid = " + xid);
  const auto ended_by = [&](const char* id) {
    return "CASE WHEN age(" + std::string(id) + ") BETWEEN 1 AND (SELECT age(" + xid + ")) THEN (" + transaction_ +
           " + (SELECT age(" + xid + ")) - age(" + id + "))::text END";
  };
  const std::string multixact =
      "mxid_age(dbgate_row.xmax) BETWEEN 1 AND (SELECT mxid_age('" + next_multixact_ + "'::xid))";
  for (const auto& [nr, table] : tables_) {
    asked.push_back("SELECT 'O" + std::to_string(nr) + " ' || place || ' ' || enders || chr(10) || " + shown +
                    " FROM (" +
                    told(table.key, "dbgate_row.ctid::text AS place, concat_ws(',', " + ended_by("dbgate_row.xmax") +
                                        ", CASE WHEN " + multixact + " THEN (SELECT " + ended_by("m.xid") +
                                        " FROM pg_get_multixact_members(dbgate_row.xmax) m WHERE m.mode IN ('upd', "
                                        "'nokeyupd')) END) AS enders, ") +
                    " FROM ONLY " + table.from + " dbgate_row WHERE age(dbgate_row.xmax) BETWEEN 1 AND (SELECT age(" +
                    xid + ")) OR " + multixact + ") found WHERE enders <> '' LIMIT " + most());
  }
  return asked;
}

void Comparison::add_other(std::string_view line) {
  if (line.empty()) return;
  std::string_view said = line.substr(1);
  if (line.front() == 'H') {
    same_server_ = take(said, ' ') == "1";
    span_ = said;
  }
  if (line.front() != 'O') return;
  Version version;
  version.table = number_of<std::size_t>(take(said, ' '));
  version.place = take(said, ' ');
  for (std::string_view enders = take(said, '\n'); !enders.empty();)
    version.enders.emplace_back(take(enders, ','));
  version.key = take(said, '\n');
  version.image = said;
  if (fits(version)) others_.push_back(std::move(version));
}

bool Comparison::fits(const Version& version) {
  bytes_ += version.key.size() + version.image.size() + sizeof(Version);
  too_many_ =
      too_many_ || std::max(others_.size(), own_.size()) >= Changes::most_rows || bytes_ > 2 * Changes::most_bytes;
  return !too_many_ && tables_.contains(version.table);
}

// What it sees and has made itself carries an id since its own that is still running: others' versions are only seen
// once they are committed. What others see and it does not, was ended by it or, meanwhile, by others who have
// committed.
std::vector<std::string> Comparison::own_versions() const {
  const auto whole = number_of<std::uint64_t>(transaction_);
  const std::string since =
      "((dbgate_row.xmin::text::int8 - " + std::to_string(whole & UINT32_MAX) + " + 4294967296) % 4294967296)";
  std::map<std::size_t, std::set<std::string>> places;
  std::set<std::string> enders;
  for (const Version& version : others_) {
    places[version.table].insert(version.place);
    enders.insert(version.enders.begin(), version.enders.end());
  }
  std::vector<std::string> asked;
  for (const auto& [nr, table] : tables_) {
    const std::string head = std::to_string(nr) + " ' || ";
    asked.push_back("SELECT 'A" + head + shown + " FROM (" + told(table.key, {}) + " FROM ONLY " + table.from +
                    " dbgate_row WHERE CASE WHEN age(dbgate_row.xmin) > 0 OR " + since + " >= " + span_ +
                    " THEN false ELSE pg_xact_status((" + transaction_ + " + " + since +
                    ")::text::xid8) = 'in progress' END LIMIT " + most() + ") found");
    const auto suspects = places.find(nr);
    if (suspects == places.end()) continue;
    asked.push_back("SELECT 'V" + head + "dbgate_row.ctid::text FROM ONLY " + table.from +
                    " dbgate_row WHERE dbgate_row.ctid = ANY (" + array_of(suspects->second) + "::tid[])");
  }
  if (!enders.empty()) {
    asked.push_back("SELECT 'R' || id FROM unnest(" + array_of(enders) +
                    "::xid8[]) id WHERE pg_xact_status(id) = 'in progress'");
  }
  return asked;
}

void Comparison::finish(Changes& changes) const {
  changes.open = counts_;
  changes.too_many = too_many_;
  changes.unseen = unseen_;
  if (transaction_.empty()) changes.unseen.clear();
  if (!changes.open || too_many_ || !changes.unseen.empty()) return;
  struct Sum {
    std::size_t inserted = 0, updated = 0, deleted = 0;
    std::uint64_t counted = 0;
  };
  std::map<std::string, Sum> sums;
  for (const auto& [nr, table] : tables_)
    sums[table.name].counted += table.counted;
  const auto name_of = [this](const Version& version) -> const std::string& { return tables_.at(version.table).name; };
  std::map<std::pair<std::string, std::string>, std::vector<const Version*>> made;
  for (const Version& version : own_)
    made[{name_of(version), version.key}].push_back(&version);
  const auto row = [&](const Version& any, const char* change, const Version* before, const Version* after) {
    std::string line = "R{\"table\":";
    audit::append_json_string(line, name_of(any));
    line.append(",\"change\":\"").append(change).append("\",\"before\":").append(before ? before->image : "null");
    changes.add(line.append(",\"after\":").append(after ? after->image : "null").append("}"));
  };
  for (const Version& before : others_) {
    const bool ended = std::any_of(before.enders.begin(), before.enders.end(),
                                   [this](const std::string& id) { return running_.contains(id); });
    if (!ended || still_seen_.contains({before.table, before.place})) continue;
    auto& after = made[{name_of(before), before.key}];
    row(before, after.empty() ? "delete" : "update", &before, after.empty() ? nullptr : after.back());
    ++(after.empty() ? sums[name_of(before)].deleted : sums[name_of(before)].updated);
    if (!after.empty()) after.pop_back();
  }
  for (const Version& after : own_) {
    auto& left = made[{name_of(after), after.key}];
    const auto at = std::find(left.begin(), left.end(), &after);
    if (at == left.end()) continue;
    row(after, "insert", nullptr, &after);
    ++sums[name_of(after)].inserted;
  }
  for (const auto& [name, sum] : sums) {
    if (sum.updated + std::max(sum.inserted, sum.deleted) > sum.counted)
      changes.unseen.push_back(name + " (the server has counted fewer changes)");
    if (sum.inserted + sum.updated + sum.deleted == 0) continue;
    std::string line = "T{\"name\":";
    audit::append_json_string(line, name);
    line += ",\"inserted\":" + std::to_string(sum.inserted) + ",\"updated\":" + std::to_string(sum.updated) +
            ",\"deleted\":" + std::to_string(sum.deleted) + "}";
    changes.add(line);
  }
}

}  // namespace dbgate::session
