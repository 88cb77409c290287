#include "gateway/adapters/store/sql_core.h"

#include <boost/json.hpp>

namespace dbgate::adapters::store {

namespace {

class Signal : public StoreSignal {
 public:
  explicit Signal(std::unique_ptr<SqlSignal> signal) : signal_(std::move(signal)) {}
  Result<bool> wait(std::chrono::milliseconds limit) override { return signal_->wait(limit); }

 private:
  const std::unique_ptr<SqlSignal> signal_;
};

}  // namespace

Result<> raise_generation(SqlTransaction& transaction) {
  DBGATE_CHECK(transaction.run("UPDATE directory SET generation = generation + 1 WHERE one = 1"));
  return transaction.announce(Channel::directory);
}

Result<> take_turn(SqlTransaction& transaction) {
  DBGATE_CHECK(transaction.run("UPDATE directory SET generation = generation WHERE one = 1"));
  return done;
}

Result<std::unique_ptr<StoreSignal>> signal_of(SqlDatabase& database, Channel channel) {
  DBGATE_TRY(auto signal, database.signal(channel));
  return std::unique_ptr<StoreSignal>(std::make_unique<Signal>(std::move(signal)));
}

Error missing(std::string_view what) {
  return Error(sqlstate::no_data, "there is no such " + std::string(what));
}

Error taken(const Error& error, std::string_view what) {
  if (error.code() != sqlstate::unique_violation) return error;
  return Error(sqlstate::unique_violation, "there is such a " + std::string(what) + " already");
}

Error conflict() {
  return Error(sqlstate::serialization_failure, "somebody else has changed it meanwhile", "Read it again.");
}

Result<> require_changed(SqlTransaction& transaction, const SqlResult& updated, const char* exists,
                         std::string_view key, std::string_view what) {
  if (updated.changed > 0) return done;
  DBGATE_TRY(const SqlResult found, transaction.run(exists, {key}));
  if (found.rows() == 0) return missing(what);
  return conflict();
}

Result<> require_name(std::string_view name) {
  if (valid_name(name)) return done;
  return Error(sqlstate::invalid_parameter_value, "a name must be 1 to 63 of a-z, A-Z, 0-9, '.', '_', '@' and '-'",
               "It begins with a letter or a digit.");
}

std::string place(std::string_view column, std::string_view row) {
  return std::string(column).append(":").append(row);
}

std::string to_json(const std::vector<std::string>& list) {
  boost::json::array array;
  for (const std::string& text : list)
    array.emplace_back(text);
  return boost::json::serialize(array);
}

std::string to_json(const std::map<std::string, std::string>& map) {
  boost::json::object object;
  for (const auto& [key, value] : map)
    object[key] = value;
  return boost::json::serialize(object);
}

std::vector<std::string> list_from_json(std::string_view text) {
  std::vector<std::string> list;
  boost::system::error_code failed;
  const boost::json::value parsed = boost::json::parse(text, failed);
  if (failed || !parsed.is_array()) return list;
  for (const boost::json::value& element : parsed.get_array()) {
    if (element.is_string()) list.emplace_back(element.get_string());
  }
  return list;
}

std::map<std::string, std::string> map_from_json(std::string_view text) {
  std::map<std::string, std::string> map;
  boost::system::error_code failed;
  const boost::json::value parsed = boost::json::parse(text, failed);
  if (failed || !parsed.is_object()) return map;
  for (const auto& [key, value] : parsed.get_object()) {
    if (value.is_string()) map.emplace(std::string(key), std::string(value.get_string()));
  }
  return map;
}

std::string ListQuery::parameter(SqlValue value) {
  values_.push_back(value);
  return "$" + std::to_string(values_.size());
}

void ListQuery::where(std::string_view condition) {
  sql_.append(first_ ? " WHERE " : " AND ").append(condition);
  first_ = false;
}

void ListQuery::where(std::string_view condition, SqlValue value) {
  std::string text(condition);
  text.replace(text.find('?'), 1, parameter(value));
  where(text);
}

Result<> ListQuery::page(const char* key, const char* id, const Page& page, bool numeric) {
  if (page.after) {
    SqlValue after = page.after->key;
    if (numeric) {
      std::int64_t number = 0;
      const char* const end = page.after->key.data() + page.after->key.size();
      const auto parsed = std::from_chars(page.after->key.data(), end, number);
      if (parsed.ec != std::errc() || parsed.ptr != end)
        return Error(sqlstate::invalid_parameter_value, "the cursor is not one of this list");
      after = number;
    }
    const std::string first = parameter(after);
    const std::string second = parameter(page.after->id);
    where("(" + std::string(key) + ", " + id + ") " + (page.descending ? "<" : ">") + " (" + first + ", " + second +
          ")");
  }
  const std::string direction = page.descending ? " DESC" : "";
  sql_.append(" ORDER BY ").append(key).append(direction).append(", ").append(id).append(direction);
  sql_.append(" LIMIT ").append(parameter(static_cast<std::int64_t>(page.limit) + 1));
  return done;
}

std::string cursor_key(const std::string& text) {
  return text;
}

std::string cursor_key(std::int64_t number) {
  return std::to_string(number);
}

}  // namespace dbgate::adapters::store
