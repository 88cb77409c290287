#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "gateway/audit/log_reader.h"
#include "gateway/audit/verify.h"
#include "gateway/proof/prove.h"
#include "gateway/proof/receipt.h"
#include "gateway/search/matcher.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds follow_interval{200};

std::string text_of(const json::object& record, const char* name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->as_string());
  return json::serialize(*value);
}

/// A line of the log, and its text for filters.
struct Record {
  std::string ts;
  std::string line;
  json::object fields;
};

bool parse_record(const std::string& line, Record& record) {
  boost::system::error_code failed;
  const json::value parsed = json::parse(line, failed);
  if (failed || !parsed.is_object()) return false;
  record.fields = parsed.as_object();
  record.ts = text_of(record.fields, "ts");
  record.line = line;
  return true;
}

/// A flag that filters, what the API calls it, and what it is of a record.
struct FilterFlag {
  const char* flag;
  const char* parameter;
  ports::AuditField field;
};
constexpr std::array<FilterFlag, 13> filter_flags{{{"user", "user", ports::AuditField::user},
                                                   {"target", "target", ports::AuditField::target},
                                                   {"session", "session", ports::AuditField::session},
                                                   {"address", "address", ports::AuditField::address},
                                                   {"event", "event", ports::AuditField::event},
                                                   {"effect", "effect", ports::AuditField::effect},
                                                   {"rule", "rule", ports::AuditField::rule},
                                                   {"object", "object", ports::AuditField::object},
                                                   {"operation", "operation", ports::AuditField::operation},
                                                   {"outcome", "outcome", ports::AuditField::outcome},
                                                   {"sqlstate", "sqlstate", ports::AuditField::sqlstate},
                                                   {"query", "query_id", ports::AuditField::query},
                                                   {"id", "id", ports::AuditField::id}}};

/// What records are wanted.
struct Wanted {
  std::string directory;  ///< the gateway's audit directory; empty: its API is asked
  Query query;            ///< as the API is asked
  std::string since, until;
  search::Matcher matcher;  ///< of all but times
};

Wanted wanted_of(const Call& call) {
  Query query{{"text", call.text("text")}};
  ports::AuditFilter filter{{}, call.text("text"), {}, {}};
  for (const FilterFlag& one : filter_flags) {
    const std::string value = call.text(one.flag);
    if (value.empty()) continue;
    query[one.parameter] = value;
    filter.is.emplace_back(one.field, value);
  }
  return {call.text("DIRECTORY"), std::move(query), call.text("since"), call.text("until"), search::Matcher(filter)};
}

bool matches(const std::string& line, const Wanted& wanted) {
  search::Record record;
  return search::read_record(line, record) && wanted.matcher.matches(record) &&
         (wanted.since.empty() || record.time >= wanted.since) && (wanted.until.empty() || record.time < wanted.until);
}

void require_directory(const std::string& directory) {
  if (::access(directory.c_str(), R_OK | X_OK) == 0) return;
  throw Problem{Exit::not_found, "cannot read the audit log in " + directory,
                "name the directory audit/ in the gateway's state_dir"};
}

Listing listing_of(const std::vector<Record>& records) {
  Listing listing{{"ts", "event", "user.name", "target", "decision.effect", "db.query.text"},
                  {},
                  {"decision.rule_id", "session_id"}};
  listing.empty = "no record matches";
  for (const Record& record : records) {
    json::object item = record.fields;
    if (json::value* text = item.if_contains("db.query.text"); text != nullptr && text->is_string()) {
      std::replace(text->as_string().begin(), text->as_string().end(), '\n', ' ');
    }
    listing.items.push_back(std::move(item));
  }
  return listing;
}

// JSON output is the log's own lines: the hash of a record is of its bytes.
void print(const std::vector<Record>& records, const Options& options) {
  if (!wants_json(options) || !options.fields.empty()) return print_listing(options, listing_of(records));
  const bool array = options.output == "json";
  for (std::size_t i = 0; i < records.size(); ++i)
    std::cout << (array ? (i == 0 ? "[" : ",") : "") << records[i].line << '\n';
  if (array) std::cout << (records.empty() ? "[]\n" : "]\n");
}

// What came since the last call, ordered by time: chains are written by one thread each.
std::vector<Record> more(audit::LogReader& reader, const Wanted& audit) {
  std::vector<Record> records;
  reader.more([&](const std::string& line) {
    Record record;
    if (matches(line, audit) && parse_record(line, record)) records.push_back(std::move(record));
  });
  std::stable_sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.ts < b.ts; });
  return records;
}

// The newest that match, in the order of time.
std::vector<Record> ask_gateway(Api& api, const Wanted& audit, std::size_t limit) {
  std::vector<Record> records;
  Query filters = audit.query;
  filters["since"] = audit.since;
  filters["until"] = audit.until;
  for (const json::value& item : api.audit_records(filters, limit)) {
    Record record;
    if (parse_record(json::serialize(item), record)) records.push_back(std::move(record));
  }
  std::reverse(records.begin(), records.end());
  return records;
}

int search(const Call& call) {
  const Wanted wanted = wanted_of(call);
  if (wanted.directory.empty()) {
    Api api(call.options);
    print(ask_gateway(api, wanted, static_cast<std::size_t>(call.number("limit", 1000, 1, 1'000'000))), call.options);
    return 0;
  }
  require_directory(wanted.directory);
  dbgate::audit::LogReader reader(wanted.directory);
  std::vector<Record> records = more(reader, wanted);
  const auto limit = static_cast<std::size_t>(call.number("limit", 1'000'000'000, 1));
  if (records.size() > limit) records.resize(limit);
  print(records, call.options);
  return 0;
}

// Records after the last one that was shown, until Ctrl-C.
[[noreturn]] void follow(const Options& options, const std::function<std::vector<Record>()>& next,
                         std::chrono::milliseconds pause) {
  Options without_headers = options;
  without_headers.no_headers = true;
  if (without_headers.output.empty()) without_headers.output = format_of(options);
  if (without_headers.output == "json") without_headers.output = "jsonl";
  for (;;) {
    std::this_thread::sleep_for(pause);
    const std::vector<Record> records = next();
    if (!records.empty()) print(records, without_headers);
    std::cout.flush();
  }
}

int tail(const Call& call) {
  Wanted wanted = wanted_of(call);
  const auto lines = static_cast<std::size_t>(call.number("lines", 20, 1));
  if (wanted.directory.empty()) {
    Api api(call.options);
    std::vector<Record> records = ask_gateway(api, wanted, lines);
    print(records, call.options);
    if (!call.has("follow")) return 0;
    std::set<std::string> seen;
    for (const Record& record : records)
      seen.insert(text_of(record.fields, "id"));
    if (!records.empty()) wanted.since = records.back().ts;
    follow(
        call.options,
        [&] {
          std::vector<Record> fresh = ask_gateway(api, wanted, 1000);
          std::erase_if(fresh,
                        [&seen](const Record& record) { return !seen.insert(text_of(record.fields, "id")).second; });
          if (!fresh.empty()) wanted.since = fresh.back().ts;
          return fresh;
        },
        std::chrono::seconds(2));
  }
  require_directory(wanted.directory);
  dbgate::audit::LogReader reader(wanted.directory);
  std::vector<Record> records = more(reader, wanted);
  if (records.size() > lines) records.erase(records.begin(), records.end() - static_cast<std::ptrdiff_t>(lines));
  print(records, call.options);
  std::cout.flush();
  if (call.has("follow"))
    follow(
        call.options, [&] { return more(reader, wanted); }, follow_interval);
  return 0;
}

std::string read_whole(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Problem{Exit::not_found, "cannot read " + path, "name a file"};
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::optional<proof::Key> key_of(const Call& call) {
  if (!call.has("key")) return {};
  const std::string path = call.text("key");
  auto key = proof::Key::read(read_whole(path));
  if (!key)
    throw Problem{Exit::usage, path + " " + key.error().message(),
                  "the gateway writes its public key to audit-signing-key.pub in its state_dir"};
  return *key;
}

// A file has one checkpoint or several, one behind the other, as witnesses keep them.
std::vector<proof::Witnessed> witnessed_of(const Call& call) {
  std::vector<proof::Witnessed> witnessed;
  for (const std::string& path : call.list("checkpoint")) {
    auto notes = proof::read_notes(read_whole(path));
    if (!notes) throw Problem{Exit::usage, path + " " + notes.error().message(), "name a file of checkpoints"};
    for (proof::Note& note : *notes)
      witnessed.push_back({path, std::move(note)});
  }
  return witnessed;
}

int verify(const Call& call) {
  const std::string directory = call.text("DIRECTORY");
  require_directory(directory);
  const proof::ProofReport proved = proof::prove_directory(directory, key_of(call), witnessed_of(call));
  const audit::VerifyReport& report = proved.log;
  if (wants_json(call.options)) {
    print_json(json::object{{"records", report.records},
                            {"chains", report.chains},
                            {"segments", report.segments},
                            {"in_flight", report.in_flight},
                            {"checkpoints", proved.checkpoints},
                            {"signatures_checked", proved.signatures_checked},
                            {"unsigned_records", proved.unsigned_records},
                            {"problems", json::value_from(report.problems)}});
  } else {
    std::cout << report.records << " records in " << report.chains << " chains and " << report.segments << " segments; "
              << report.in_flight << " statements without outcome\n"
              << proved.checkpoints << " checkpoints, "
              << (proved.signatures_checked ? "signed by the key" : "signatures not checked (--key)") << "; "
              << proved.unsigned_records << " records are newer\n";
    for (const std::string& problem : report.problems)
      std::cout << problem << '\n';
  }
  if (report.problems.empty()) return 0;
  throw Problem{Exit::failure,
                "the audit log has been altered or is damaged: " + std::to_string(report.problems.size()) +
                    (report.problems.size() == 1 ? " problem" : " problems"),
                "keep a copy before anything else touches the directory"};
}

// Receipts as the API gives them, or one behind the other.
std::vector<proof::Receipt> receipts_in(const std::string& path) {
  std::string text = read_whole(path);
  boost::system::error_code failed;
  const json::value whole = json::parse(text, failed);
  const json::value* const items = failed || !whole.is_object() ? nullptr : whole.as_object().if_contains("items");
  if (items != nullptr && items->is_array()) {
    text.clear();
    for (const json::value& item : items->as_array())
      text += json::serialize(item) + "\n";
  }
  std::vector<proof::Receipt> receipts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto receipt = proof::read_receipt(line);
    if (!receipt)
      throw Problem{Exit::usage, path + " " + receipt.error().message(), "make one with `dbgate audit receipt`"};
    receipts.push_back(std::move(*receipt));
  }
  if (receipts.empty()) throw Problem{Exit::usage, path + " is empty", "make one with `dbgate audit receipt`"};
  return receipts;
}

int receipt(const Call& call) {
  Api api(call.options);
  const json::array receipts = api.receipts(call.text("ID"));
  if (call.options.output == "json") {
    print_json(json::object{{"items", receipts}});
    return 0;
  }
  for (const json::value& item : receipts)
    std::cout << json::serialize(item) << '\n';
  return 0;
}

int check(const Call& call) {
  const std::string path = call.text("FILE");
  const std::optional<proof::Key> key = key_of(call);
  if (!key)
    throw Problem{Exit::usage, "whose signature is to be checked?",
                  "name the gateway's public key: --key audit-signing-key.pub"};
  Listing listing{{"ts", "event", "user.name", "target", "query_id", "log", "signed"}, {}, {}};
  for (const proof::Receipt& one : receipts_in(path)) {
    const auto good = proof::check_receipt(one, *key);
    if (!good) throw Problem{Exit::failure, path + ": " + good.error().message(), "do not believe it"};
    Record record;
    if (!parse_record(one.record, record))
      throw Problem{Exit::failure, path + ": the record is no JSON", "do not believe it"};
    const proof::Checkpoint checkpoint = proof::read_note(one.checkpoint)->checkpoint;
    record.fields["log"] = checkpoint.origin;
    record.fields["signed"] = checkpoint.time;
    listing.items.push_back(std::move(record.fields));
  }
  print_listing(call.options, listing);
  return 0;
}

}  // namespace

Verbs audit_verbs() {
  const std::vector<Argument> directory{
      {"DIRECTORY", Kind::directory, "the gateway's audit directory; without it the gateway is asked", false}};
  const std::vector<Flag> filters{
      option("--user", Kind::user, "USER", "of this user"),
      option("--target", Kind::target, "TARGET", "on this target"),
      option("--session", Kind::text, "ID", "in this session: ses_…"),
      option("--address", Kind::text, "ADDRESS", "of clients at this address"),
      option("--event", Kind::text, "EVENT", "of this kind, such as statement.decided"),
      choice("--effect", "EFFECT", "allow deny mask log_only", "decided so"),
      option("--rule", Kind::text, "RULE", "decided by this rule"),
      option("--object", Kind::text, "NAME", "about this relation"),
      option("--operation", Kind::text, "TAG", "with this command tag, such as DELETE"),
      option("--outcome", Kind::text, "OUTCOME", "ended so: ok, error, not_run"),
      option("--sqlstate", Kind::text, "SQLSTATE", "ended with this SQLSTATE"),
      option("--query", Kind::text, "ID", "of this statement: qry_…"),
      option("--id", Kind::text, "ID", "this record: aud_…"),
      option("--text", Kind::text, "TEXT", "with this in the statement"),
      option("--since", Kind::text, "TIME", "from this time on (RFC 3339, UTC)"),
      option("--until", Kind::text, "TIME", "before this time"),
  };
  Verb last{"audit tail", "show the last records", directory, filters};
  last.flags.push_back(option("-n,--lines", Kind::number, "N", "how many (20)"));
  last.flags.push_back(toggle("-f,--follow", "go on as records come"));
  last.exits = {3, 4, 5, 7, 130};
  last.run = tail;
  Verb find{"audit search", "show records that match", directory, filters};
  find.flags.push_back(option("--limit", Kind::number, "N", "this many at most (1000 of a gateway)"));
  find.description =
      "The gateway searches its own log, the newest records first; with several gateways each has its own.";
  find.examples = {
      {"dbgate audit search --effect deny --user ana", "what was ana denied?"},
      {"dbgate audit search --object payroll --since 2026-11-01T00:00:00Z -o jsonl", "who has touched it?"}};
  find.exits = {3, 4, 5, 7};
  find.run = search;
  Verb prove{"audit verify", "prove that nothing was changed or is missing, offline"};
  prove.arguments = {{"DIRECTORY", Kind::directory, "the gateway's audit directory"}};
  prove.flags = {
      option("--key", Kind::file, "FILE", "the gateway's public key in PEM: its checkpoints must be signed by it"),
      options("--checkpoint", Kind::file, "FILE", "checkpoints kept elsewhere, that the log must lead to as well")};
  prove.description =
      "Checks every record, and that the checkpoints in the directory were signed for these very records. Whoever can "
      "write to the directory cannot make a checkpoint without the gateway's key.";
  prove.examples = {
      {"dbgate audit verify /var/lib/dbgate/audit --key audit-signing-key.pub", "has anybody touched the record?"},
      {"dbgate audit verify copy/ --key audit-signing-key.pub --checkpoint noted-in-march", "since March?"}};
  prove.exits = {3};
  prove.run = verify;
  Verb ask{"audit receipt", "get proof that a statement is on record"};
  ask.arguments = {{"ID", Kind::text, "of the statement: qry_…, as `dbgate history` shows it"}};
  ask.description =
      "Prints a receipt for each of the statement's records, one on a line: JSON that can be kept and checked without "
      "the "
      "gateway. Records are signed every 10 seconds; before that there is none.";
  ask.examples = {{"dbgate audit receipt qry_01KAM3E3X7Q4 > receipt.json", "I want this in writing"}};
  ask.exits = {3, 4, 5, 7};
  ask.run = receipt;
  Verb trust{"audit check", "check receipts, offline"};
  trust.arguments = {{"FILE", Kind::file, "what `dbgate audit receipt` has printed"}};
  trust.flags = {option("--key", Kind::file, "FILE", "the gateway's public key in PEM")};
  trust.description = "Shows the records that the receipts prove, if all of them hold.";
  trust.examples = {{"dbgate audit check receipt.json --key audit-signing-key.pub", "was it so?"}};
  trust.exits = {3};
  trust.run = check;
  return {last, find, prove, ask, trust};
}

}  // namespace dbgate::cli
