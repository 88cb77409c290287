#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dbgate::cli {

/// A statement as the audit log has it.
struct RecordedStatement {
  std::string query_id, created_at, protocol, operation, effect, rule, session;
  std::optional<std::string> sql;  ///< without a value: see `missing`
  std::string missing;             ///< why there is no text
  std::string text_sha256;         ///< of a text that is kept apart
  boost::json::value parameters;   ///< as recorded: a list, or an object over all of them; null: none
  std::string state;               ///< succeeded, failed, cancelled, not_run, denied, unfinished
  std::string sqlstate, tags, limit, served_from;
  std::int64_t at_us = 0;  ///< since the session began
  std::uint64_t rows = 0, rows_affected = 0, bytes = 0;
  double elapsed_ms = 0;

  /// Whether the gateway has refused it.
  bool refused() const { return effect == "deny" || effect == "error"; }
};

/// A session as the audit log has it.
struct RecordedSession {
  std::string id, user, target, database, client, application, started_at, ended_at, reason;
  std::vector<RecordedStatement> statements;  ///< in the order in which they were decided
};

/// Puts a session together from its records, in any order.
class SessionReader {
 public:
  explicit SessionReader(std::string id) { session_.id = std::move(id); }
  /// A record of the log; those of other sessions count for nothing.
  void take(const boost::json::object& record);
  /// Without a value: there was none.
  std::optional<RecordedSession> finish();

 private:
  struct Outcome {
    std::string outcome, sqlstate, tags, limit, served_from;
    std::uint64_t rows = 0, rows_affected = 0, bytes = 0;
    double elapsed_ms = 0;
  };
  void take_who(const boost::json::object& record);
  void take_decision(const boost::json::object& record);
  void settle(RecordedStatement& statement, const Outcome* outcome) const;

  RecordedSession session_;
  std::vector<std::pair<std::string, Outcome>> outcomes_;
  bool found_ = false;
};

/// Reads a session from the directory of a log.
std::optional<RecordedSession> read_session(const std::string& directory, const std::string& id);

/// Gives a statement a text that is kept apart, if it is the one that the record names; says why not otherwise.
void give_text(RecordedStatement& statement, std::optional<std::string> text);

}  // namespace dbgate::cli
