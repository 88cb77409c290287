#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/audit_filters.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/replay/recorded_session.h"
#include "cli/replay/rerun.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t most_records = 10'000'000;

[[noreturn]] void no_session(const std::string& id) {
  throw Problem{Exit::not_found, "there is no record of session " + id,
                "dbgate audit search --event session.start shows sessions"};
}

// The gateway's log has long texts apart: those are asked for one by one.
std::optional<RecordedSession> ask_gateway(const Call& call, const std::string& id) {
  Api api(call.options);
  SessionReader reader(id);
  for (const json::value& record : api.audit_records({{"session", id}}, most_records))
    if (record.is_object()) reader.take(record.as_object());
  auto session = reader.finish();
  if (!session) return session;
  for (RecordedStatement& statement : session->statements)
    if (!statement.text_sha256.empty()) give_text(statement, text_at(api.history_entry(statement.query_id), "sql"));
  return session;
}

RecordedSession session_of(const Call& call) {
  const std::string id = call.text("SESSION");
  const std::string directory = call.text("DIRECTORY");
  if (!directory.empty()) require_directory(directory);
  auto session = directory.empty() ? ask_gateway(call, id) : read_session(directory, id);
  if (!session) no_session(id);
  return std::move(*session);
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value() : json::value(text);
}

json::object json_of(const RecordedSession& session) {
  return {{"id", session.id},
          {"user", session.user},
          {"target", session.target},
          {"database", session.database},
          {"client", session.client},
          {"application", session.application},
          {"started_at", text_or_null(session.started_at)},
          {"ended_at", text_or_null(session.ended_at)},
          {"reason", text_or_null(session.reason)},
          {"statements", session.statements.size()}};
}

json::object json_of(const RecordedStatement& statement) {
  return {{"id", statement.query_id},
          {"at_ms", static_cast<double>(statement.at_us) / 1000.0},
          {"created_at", statement.created_at},
          {"protocol", statement.protocol},
          {"operation", statement.operation},
          {"state", statement.state},
          {"sqlstate", text_or_null(statement.sqlstate == "00000" ? "" : statement.sqlstate)},
          {"limit", text_or_null(statement.limit)},
          {"from_cache", statement.served_from == "cache"},
          {"rows", statement.rows},
          {"rows_affected", statement.rows_affected},
          {"bytes", statement.bytes},
          {"elapsed_ms", statement.elapsed_ms},
          {"decision", {{"effect", statement.effect}, {"rule", statement.rule}}},
          {"sql", statement.sql ? json::value(*statement.sql) : json::value()},
          {"missing", text_or_null(statement.missing)},
          {"parameters", statement.parameters}};
}

json::object json_of(const Rerun& rerun) {
  if (!rerun.skipped.empty()) return {{"skipped", rerun.skipped}};
  const Ran& ran = rerun.ran;
  const bool failed = ran.sqlstate != "00000";
  return {{"skipped", nullptr},
          {"state", failed ? "failed" : "succeeded"},
          {"sqlstate", text_or_null(failed ? ran.sqlstate : "")},
          {"message", text_or_null(ran.message)},
          {"rows", ran.rows},
          {"rows_affected", ran.rows_affected},
          {"elapsed_ms", ran.elapsed_ms},
          {"different", json::value_from(rerun.different)}};
}

// Texts of several lines would tear a table apart.
json::object shown(json::object item) {
  if (json::value* const sql = item.if_contains("sql"); sql != nullptr && sql->is_string())
    std::replace(sql->as_string().begin(), sql->as_string().end(), '\n', ' ');
  return item;
}

void print(const Call& call, const RecordedSession& session, json::array items, json::object totals,
           std::vector<std::string> columns) {
  const Options& options = call.options;
  if (options.output == "json" && options.fields.empty()) {
    json::object whole{{"session", json_of(session)}, {"statements", std::move(items)}};
    for (auto& [name, value] : totals)
      whole[name] = value;
    print_json(whole);
    return;
  }
  Listing listing{std::move(columns), {}, {"id", "created_at", "protocol", "decision.rule", "parameters"}};
  listing.empty = "the session has run nothing";
  for (json::value& item : items)
    listing.items.emplace_back(wants_json(options) ? std::move(item.as_object()) : shown(std::move(item.as_object())));
  if (!options.quiet && !wants_json(options)) {
    const std::string begin =
        session.started_at.empty() ? "its beginning is not on record" : "from " + session.started_at;
    const std::string end =
        session.ended_at.empty() ? "no end is on record" : "to " + session.ended_at + " (" + session.reason + ")";
    std::cerr << printable(session.id + ": " + session.user + " on " + session.target + ", " + begin + ", " + end)
              << '\n';
  }
  print_listing(options, listing);
}

double speed_of(const Call& call) {
  if (!call.has("speed")) return 0;
  const std::string text = call.text("speed");
  double speed = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), speed);
  if (failed != std::errc() || end != text.data() + text.size() || !(speed >= 0.001) || speed > 1e6)
    throw Problem{Exit::usage, "--speed " + text + " is no speed", "1 is as it was, 10 ten times as fast, 0.5 half"};
  return speed;
}

int show(const Call& call, const RecordedSession& session) {
  json::array items;
  for (const RecordedStatement& statement : session.statements)
    items.push_back(json_of(statement));
  print(call, session, std::move(items), {},
        {"at_ms", "elapsed_ms", "operation", "state", "sqlstate", "rows", "rows_affected", "sql"});
  return 0;
}

int rerun(const Call& call, const RecordedSession& session, const RerunSettings& settings) {
  OtherServer server = OtherServer::open(call.options, call.text("against"));
  const std::vector<Rerun> reruns = run_again(session, server, settings);
  std::size_t ran = 0, different = 0;
  json::array items;
  for (std::size_t i = 0; i < reruns.size(); ++i) {
    if (reruns[i].skipped.empty()) ++ran;
    if (!reruns[i].different.empty()) ++different;
    json::object item = json_of(session.statements[i]);
    item["again"] = json_of(reruns[i]);
    items.push_back(std::move(item));
  }
  const std::size_t skipped = reruns.size() - ran;
  print(call, session, std::move(items), {{"ran", ran}, {"skipped", skipped}, {"different", different}},
        {"at_ms", "elapsed_ms", "again.elapsed_ms", "rows", "again.rows", "sqlstate", "again.sqlstate",
         "again.different", "again.skipped", "sql"});
  if (!wants_json(call.options))
    std::cerr << ran << " statements run again, " << skipped << " not; " << different << " ended otherwise\n";
  if (server.lost())
    throw Problem{Exit::failure, "the connection to the other server was lost", "what came after it was not run"};
  if (ran == 0 && skipped > 0)
    throw Problem{Exit::failure, "no statement of the session could be run again",
                  "the column again.skipped says why: -o json"};
  return different == 0 ? 0 : static_cast<int>(Exit::failure);
}

int replay(const Call& call) {
  const RerunSettings settings{call.has("writes"), call.has("infer-types"), speed_of(call),
                               call.duration("timeout", std::chrono::seconds(0))};
  if (!call.has("against")) {
    for (const char* const flag : {"writes", "infer-types", "speed", "timeout"})
      if (call.has(flag))
        throw Problem{Exit::usage, std::string("--") + flag + " is about running the session again",
                      "say where: --against CONNINFO"};
    return show(call, session_of(call));
  }
  return rerun(call, session_of(call), settings);
}

}  // namespace

Verbs replay_verbs() {
  Verb verb{"replay", "show a recorded session, or run it again on another server"};
  verb.arguments = {
      {"SESSION", Kind::text, "ses_…, as `dbgate history show` and the records have it"},
      {"DIRECTORY", Kind::directory, "the gateway's audit directory; without it the gateway is asked", false}};
  verb.flags = {
      option("--against", Kind::text, "CONNINFO", "run it again there: a connection string as psql takes it"),
      option("--speed", Kind::text, "N", "keep the session's pauses, N times as fast; 1 is as it was (no pauses)"),
      toggle("--writes", "also run what may change something on the other server"),
      toggle("--infer-types", "also run statements with values in binary format, of the types that the server infers"),
      option("--timeout", Kind::duration, "DURATION", "cancel a statement there after this long"),
  };
  verb.description =
      "Shows the statements of a session with their times and outcomes, as the audit log has them: for auditors.\n"
      "With --against they run once more, in their order, on one connection of yours, past the gateway, with your "
      "rights there; policies, masks and row filters do not apply. Compared are SQLSTATE, commands, numbers of rows, "
      "and for simple queries the bytes of the rows; rows themselves are not recorded. Exits with 1 if a statement "
      "ended otherwise, or if none could be run.\n"
      "The server is held to transactions that only read, unless --writes stands; statements that may do more, also by "
      "functions that dbgate does not know, are left out then. Left out in any case, with the reason: what was "
      "refused, "
      "what was recorded as a hash or not at all, rows of COPY FROM STDIN, portals that were read in pieces. What "
      "comes "
      "after a statement that was left out may end otherwise for that. Settings that a client gave when it connected "
      "are not recorded, nor the types of parameters; pipelines run statement by statement.\n"
      "A password is never part of CONNINFO: it comes from a password file, or is asked for.";
  verb.examples = {{"dbgate replay ses_01KAM3E3X7Q4", "what did it do, and when?"},
                   {"dbgate replay ses_01KAM3E3X7Q4 copy/ -o json", "without a gateway"},
                   {"dbgate replay ses_01KAM3E3X7Q4 --against 'host=replica dbname=shop user=ana'",
                    "would the new server answer the same?"}};
  verb.exits = {3, 4, 5, 7, 130};
  verb.run = replay;
  return {verb};
}

}  // namespace dbgate::cli
