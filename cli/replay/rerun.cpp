#include "cli/replay/rerun.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <thread>

#include "cli/problem.h"
#include "gateway/rehearsal/reach.h"
#include "gateway/rehearsal/rehearsal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;
using rehearsal::Reach;

constexpr std::string_view suspended = "PORTAL SUSPENDED";

int digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> bytes_of(std::string_view hex) {
  std::string bytes;
  if (hex.size() % 2 != 0) return {};
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

/// The values of a statement's parameters, or what is missing of them.
struct Values {
  std::vector<BoundValue> values;
  std::string missing;
};

std::string read_value(const json::value& recorded, const std::string& name, bool infer_types, BoundValue& value) {
  if (recorded.is_null()) return {};
  if (recorded.is_string()) {
    value.bytes = std::string(recorded.as_string());
    return value.bytes->find('\0') == std::string::npos ? "" : "the value of " + name + " is no text";
  }
  const json::value* const hex = recorded.is_object() ? recorded.as_object().if_contains("hex") : nullptr;
  if (hex == nullptr || !hex->is_string()) return "the value of " + name + " is recorded as a hash only";
  if (!infer_types)
    return "the value of " + name + " is in binary format, and its type is not recorded (--infer-types)";
  value.binary = true;
  value.bytes = bytes_of(std::string_view(hex->as_string()));
  return value.bytes ? "" : "the value of " + name + " cannot be read";
}

Values values_of(const RecordedStatement& statement, const Reach& reach, bool infer_types) {
  Values found;
  const json::value& recorded = statement.parameters;
  if (recorded.is_object()) {
    found.missing = "the values of its parameters are recorded as one hash only";
    return found;
  }
  const std::size_t count = recorded.is_array() ? recorded.as_array().size() : 0;
  if (reach.parameters > count) {
    found.missing = "the values of its parameters are not recorded";
    return found;
  }
  for (std::size_t i = 0; i < count && found.missing.empty(); ++i)
    found.missing =
        read_value(recorded.as_array()[i], "$" + std::to_string(i + 1), infer_types, found.values.emplace_back());
  return found;
}

std::string without_numbers(const std::string& tags) {
  std::string words;
  std::copy_if(tags.begin(), tags.end(), std::back_inserter(words), [](char c) { return c < '0' || c > '9'; });
  return words;
}

/// What the statements of a session have left behind for those after them.
class Runner {
 public:
  Runner(const RecordedSession& session, OtherServer& server, const RerunSettings& settings)
      : session_(session), server_(server), settings_(settings), begin_(std::chrono::steady_clock::now()) {}

  std::vector<Rerun> run() {
    std::vector<Reach> reaches(session_.statements.size());
    const auto read = rehearsal::Rehearsal::run([&] {
      for (std::size_t i = 0; i < reaches.size(); ++i)
        if (session_.statements[i].sql) reaches[i] = rehearsal::reach_of(*session_.statements[i].sql);
    });
    if (!read) throw Problem{Exit::failure, read.error().message(), read.error().hint()};
    std::vector<Rerun> all;
    for (std::size_t i = 0; i < reaches.size(); ++i)
      all.push_back(run(session_.statements[i], reaches[i]));
    return all;
  }

 private:
  Rerun run(const RecordedStatement& statement, const Reach& reach) {
    Rerun rerun;
    const Values values = values_of(statement, reach, settings_.infer_types);
    rerun.skipped = why_not(statement, reach, values);
    if (!rerun.skipped.empty()) {
      not_made_.insert(reach.makes.begin(), reach.makes.end());
      return rerun;
    }
    for (const std::string& name : reach.makes)
      not_made_.erase(name);
    keep_time(statement);
    if (!settings_.writes) server_.only_read();
    // Where it must only read, the server itself holds a text to one statement.
    const bool whole = reach.statements != 1 && values.values.empty();
    rerun.ran = whole ? server_.run_script(*statement.sql, settings_.limit)
                      : server_.run_one(*statement.sql, values.values, settings_.limit);
    rerun.different = differences(statement, rerun.ran);
    return rerun;
  }

  std::string why_not(const RecordedStatement& statement, const Reach& reach, const Values& values) {
    if (server_.lost()) return "the connection to the other server is lost";
    if (statement.refused()) return "it was refused";
    if (statement.state == "not_run" || statement.effect == "hold") return "it was not run then either";
    if (!statement.sql) return statement.missing;
    if (statement.sql->find('\0') != std::string::npos) return "its text is none that a client can send";
    if (in_pieces(statement)) return "its rows were read in pieces, and how is not recorded";
    if (reach.takes_rows) return "the rows that it read from its client are not recorded";
    if (!values.missing.empty()) return values.missing;
    for (const std::string& name : reach.needs)
      if (not_made_.contains(name)) return "what makes " + name + " was not run";
    if (settings_.writes) return {};
    if (!reach.writes.empty()) return reach.writes + " (--writes)";
    if (reach.statements != 1 && !server_.reads_literals_as_we_do())
      return "it has several statements, and standard_conforming_strings is off there (--writes)";
    return {};
  }

  // A portal is read by several messages, each of them on record with the portal's text. The one that ends it is the
  // last of them, if not a new portal with the same text and values.
  bool in_pieces(const RecordedStatement& statement) {
    const std::string portal = *statement.sql + '\0' + json::serialize(statement.parameters);
    const bool more = statement.tags.ends_with(suspended);
    const bool begun = open_portals_.contains(portal);
    if (more) open_portals_.insert(portal);
    if (!more && begun) open_portals_.erase(portal);
    return more || begun;
  }

  void keep_time(const RecordedStatement& statement) const {
    if (settings_.speed <= 0) return;
    const std::chrono::duration<double, std::micro> after(static_cast<double>(statement.at_us) / settings_.speed);
    std::this_thread::sleep_until(begin_ + std::chrono::duration_cast<std::chrono::microseconds>(after));
  }

  const RecordedSession& session_;
  OtherServer& server_;
  const RerunSettings& settings_;
  const std::chrono::steady_clock::time_point begin_;
  std::set<std::string> not_made_;      // prepared statements and cursors
  std::set<std::string> open_portals_;  // that have rows left
};

}  // namespace

std::vector<Rerun> run_again(const RecordedSession& session, OtherServer& server, const RerunSettings& settings) {
  return Runner(session, server, settings).run();
}

std::vector<std::string> differences(const RecordedStatement& recorded, const Ran& ran) {
  std::vector<std::string> found;
  const auto note = [&found](const char* what, const auto& now, const auto& then) {
    if (now != then) found.push_back(std::string(what) + " " + now + ", recorded " + then);
  };
  // What the gateway ended, or what has no outcome, says nothing of the server.
  if (recorded.state == "unfinished" || !recorded.limit.empty()) return found;
  note("SQLSTATE", ran.sqlstate, recorded.sqlstate);
  if (!found.empty() || recorded.state != "succeeded") return found;
  if (without_numbers(ran.tags) != without_numbers(recorded.tags)) note("command", ran.tags, recorded.tags);
  note("rows", std::to_string(ran.rows), std::to_string(recorded.rows));
  note("rows affected", std::to_string(ran.rows_affected), std::to_string(recorded.rows_affected));
  // Only a Query is answered in text, and with nothing of what a client may ask for besides. Plans have times in them.
  const bool comparable = recorded.protocol == "simple" && recorded.effect != "mask" && recorded.rows > 0 &&
                          recorded.tags != "EXPLAIN" && ran.bytes;
  if (found.empty() && comparable) note("bytes of rows", std::to_string(*ran.bytes), std::to_string(recorded.bytes));
  return found;
}

}  // namespace dbgate::cli
