#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/adapters/store/sql_database.h"
#include "gateway/identity/sealing.h"
#include "gateway/ports/store.h"

// What the parts of the store have in common.
namespace dbgate::adapters::store {

using namespace ports::store;  // NOLINT: the records are what this folder is about

inline const Result<> done = boost::system::in_place_value;

/// Database and keys. Not owned.
struct SqlCore {
  SqlDatabase& database;
  const identity::Sealing& sealing;

  /// One transaction; what `work` returns once it is committed. @param work  Result<T>(SqlTransaction&)
  template <class T, class Work>
  Result<T> write(const Work& work) const {
    std::optional<T> value;
    const auto written = database.write([&](SqlTransaction& transaction) -> Result<> {
      DBGATE_TRY(value, work(transaction));
      return done;
    });
    if (!written) return written.error();
    return std::move(*value);
  }
};

/// First statement of whatever changes the directory: the row it locks lets one such transaction through at a time, so
/// they cannot wait for each other in a circle.
Result<> raise_generation(SqlTransaction& transaction);
/// The same lock for what must not overlap with itself.
Result<> take_turn(SqlTransaction& transaction);

/// Tells of what is announced on the channel, with a connection of its own.
Result<std::unique_ptr<StoreSignal>> signal_of(SqlDatabase& database, Channel channel);

Error missing(std::string_view what);
/// Error 23505 in the words of the object; others stay.
Error taken(const Error& error, std::string_view what);
Error conflict();
/// After an update that named a revision: 02000 if `exists` finds nothing, 40001 if it finds something.
/// @param exists  a query with the one parameter `key`
Result<> require_changed(SqlTransaction& transaction, const SqlResult& updated, const char* exists,
                         std::string_view key, std::string_view what);
Result<> require_name(std::string_view name);

/// The place that a sealed value is bound to (identity/sealing.h).
std::string place(std::string_view column, std::string_view row);

std::string to_json(const std::vector<std::string>& list);
std::string to_json(const std::map<std::string, std::string>& map);
/// Whatever does not fit is left out.
std::vector<std::string> list_from_json(std::string_view text);
std::map<std::string, std::string> map_from_json(std::string_view text);

/// Every row of a result through `read`, T(SqlRow&).
template <class T, class Read>
std::vector<T> read_all(SqlResult result, const Read& read) {
  std::vector<T> items;
  items.reserve(result.rows());
  for (std::size_t i = 0; i < result.rows(); ++i) {
    SqlRow row = result.row(i);
    items.push_back(read(row));
  }
  return items;
}

template <class T, class Read>
std::optional<T> read_one(SqlResult result, const Read& read) {
  if (result.rows() == 0) return std::nullopt;
  SqlRow row = result.row(0);
  return read(row);
}

/// A query for one page of a list, made of conditions. What it is given must outlive it.
class ListQuery {
 public:
  /// @param select  "SELECT … FROM …"
  explicit ListQuery(std::string select) : sql_(std::move(select)) {}
  /// @param condition  with "?" for the value
  void where(std::string_view condition, SqlValue value);
  void where(std::string_view condition);
  /// Order, and where to begin. Errors: 22023 for a cursor whose key is no number where one is needed.
  Result<> page(const char* key, const char* id, const Page& page, bool numeric);

  const char* sql() const noexcept { return sql_.c_str(); }
  SqlValues values() const noexcept { return values_; }

 private:
  std::string parameter(SqlValue value);
  std::string sql_;
  bool first_ = true;
  std::vector<SqlValue> values_;
};

std::string cursor_key(const std::string& text);
std::string cursor_key(std::int64_t number);

/// Asks for one page. @param key, id  members of T. It asks for one row more than the page has, to know if there are
/// more.
template <class T, class Read, class Key, class Id>
Result<Listed<T>> list_page(SqlDatabase& database, const ListQuery& query, const Page& page, const Read& read, Key key,
                            Id id) {
  DBGATE_TRY(SqlResult result, database.query(query.sql(), query.values()));
  Listed<T> listed{read_all<T>(std::move(result), read), std::nullopt};
  if (listed.items.size() <= page.limit) return listed;
  listed.items.pop_back();
  if (!listed.items.empty()) listed.next = Cursor{cursor_key(listed.items.back().*key), listed.items.back().*id};
  return listed;
}

/// Words for enumerators, in their order.
template <class Enum, std::size_t N>
Enum from_word(const char* const (&words)[N], std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (text == words[i]) return static_cast<Enum>(i);
  }
  return static_cast<Enum>(N - 1);
}

}  // namespace dbgate::adapters::store
