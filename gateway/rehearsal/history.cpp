#include "gateway/rehearsal/history.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <tuple>

#include "gateway/audit/chain.h"
#include "gateway/audit/log_reader.h"

namespace dbgate::rehearsal {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& record, const char* name) {
  const json::value* value = record.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// "2026-11-23T08:00:00.000000Z" as the log writes it.
std::int64_t seconds_of(const std::string& ts) {
  using namespace std::chrono;
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(ts.c_str(), "%4d-%2u-%2uT%2u:%2u:%2u", &year, &month, &day, &hour, &minute, &second) != 6) return 0;
  const year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  return date.ok() ? sys_seconds(sys_days(date)).time_since_epoch().count() + hour * 3600 + minute * 60 + second : 0;
}

class Reader {
 public:
  explicit Reader(std::string directory) : directory_(std::move(directory)) {}

  Result<History> run() {
    DBGATE_CHECK(audit::LogReader(directory_).more([this](const std::string& line) { read(line); }));
    for (auto& [key, asked] : found_)
      history_.asked.push_back(std::move(asked));
    return std::move(history_);
  }

 private:
  void read(const std::string& line) {
    // Most lines are outcomes: not worth parsing.
    if (line.find("\"event\":\"statement.decided\"") == std::string::npos) return;
    boost::system::error_code failed;
    const json::value parsed = json::parse(line, failed);
    if (failed || !parsed.is_object()) {
      ++history_.malformed;
      return;
    }
    const json::object& record = parsed.as_object();
    if (text_of(record, "event") != "statement.decided") return;
    std::string text;
    if (!statement_of(record, text)) {
      ++history_.unread;
      return;
    }
    const std::string target = text_of(record, "target");
    const std::string database = text_of(record, "db.namespace");
    add(record, text_of(record, "user.name"), database.empty() ? target : target + "/" + database, std::move(text));
  }

  // False for what is no SQL, and for texts that are not in the log.
  bool statement_of(const json::object& record, std::string& text) const {
    const std::string protocol = text_of(record, "protocol");
    if (protocol != "simple" && protocol != "extended" && protocol != "cursor") return false;
    const std::string hash = text_of(record, "db.query.text_sha256");
    if (hash.empty()) {
      text = text_of(record, "db.query.text");
      const std::string rule = text_of(record, "decision.rule_id");
      return rule != "builtin/limit" && rule != "builtin/admin-database";
    }
    if (hash.find_first_not_of("0123456789abcdef") != std::string::npos) return false;
    std::ifstream file(directory_ + "/blobs/" + hash, std::ios::binary);
    std::stringstream whole;
    whole << file.rdbuf();
    text = whole.str();
    return audit::sha256_hex(text) == hash;
  }

  void add(const json::object& record, std::string user, std::string target, std::string text) {
    Asked& asked = found_[{user, target, text}];
    asked.user = std::move(user);
    asked.target = std::move(target);
    asked.text = std::move(text);
    asked.at = std::max(asked.at, seconds_of(text_of(record, "ts")));
    ++asked.count;
    asked.passed = asked.passed || text_of(record, "decision.effect") != "deny";
    asked.harmless = text_of(record, "decision.rule_id").starts_with("builtin/");
    const json::value* shapes = record.if_contains("statement.shapes");
    if (shapes == nullptr || !shapes->is_array()) return;
    asked.shapes.clear();
    for (const json::value& shape : shapes->as_array()) {
      if (shape.is_string()) asked.shapes.emplace_back(shape.as_string());
    }
  }

  std::string directory_;
  History history_;
  std::map<std::tuple<std::string, std::string, std::string>, Asked> found_;
};

}  // namespace

Result<History> read_history(const std::string& directory) {
  if (::access(directory.c_str(), R_OK | X_OK) != 0) {
    return Error(sqlstate::io_error, "cannot read the audit log in " + directory,
                 "name the directory audit/ in the gateway's state_dir");
  }
  return Reader(directory).run();
}

}  // namespace dbgate::rehearsal
