#include <algorithm>
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
#include "cli/commands/audit_export.h"
#include "cli/commands/audit_filters.h"
#include "cli/commands/audit_unseal.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "gateway/audit/log_reader.h"
#include "gateway/audit/verify.h"
#include "gateway/proof/cosignature.h"
#include "gateway/proof/prove.h"
#include "gateway/proof/receipt.h"

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
  const auto read = reader.more([&](const std::string& line) {
    Record record;
    if (matches(line, audit) && parse_record(line, record)) records.push_back(std::move(record));
  });
  if (!read) throw Problem{Exit::failure, read.error().message(), read.error().hint()};
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

// Checkpoints that none of the witnesses named by their keys has signed.
std::vector<std::string> not_cosigned(const Call& call, const std::vector<proof::Witnessed>& witnessed) {
  std::vector<proof::Cosigner> witnesses;
  for (const std::string& text : call.list("witness-key")) {
    auto key = proof::Cosigner::read(text);
    if (!key) throw Problem{Exit::usage, "--witness-key " + key.error().message(), "ask the witness for its own"};
    witnesses.push_back(std::move(*key));
  }
  std::vector<std::string> problems;
  for (const proof::Witnessed& one : witnessed) {
    const auto signed_it = [&one](const proof::Cosigner& witness) { return witness.has_cosigned(one.note); };
    if (!witnesses.empty() && std::none_of(witnesses.begin(), witnesses.end(), signed_it))
      problems.push_back(one.source + ": no witness whose key was given has signed it");
  }
  return problems;
}

int verify(const Call& call) {
  const std::string directory = call.text("DIRECTORY");
  require_directory(directory);
  const std::vector<proof::Witnessed> witnessed = witnessed_of(call);
  proof::ProofReport proved = proof::prove_directory(directory, key_of(call), witnessed);
  for (std::string& problem : not_cosigned(call, witnessed))
    proved.log.problems.push_back(std::move(problem));
  const audit::VerifyReport& report = proved.log;
  if (wants_json(call.options)) {
    print_json(json::object{{"records", report.records},
                            {"chains", report.chains},
                            {"segments", report.segments},
                            {"in_flight", report.in_flight},
                            {"checkpoints", proved.checkpoints},
                            {"signatures_checked", proved.signatures_checked},
                            {"unsigned_records", proved.unsigned_records},
                            {"checkpoints_out_of_reach", proved.out_of_reach},
                            {"removed", json::value_from(report.removed)},
                            {"problems", json::value_from(report.problems)}});
  } else {
    std::cout << report.records << " records in " << report.chains << " chains and " << report.segments << " segments; "
              << report.in_flight << " statements without outcome\n"
              << proved.checkpoints << " checkpoints, "
              << (proved.signatures_checked ? "signed by the key" : "signatures not checked (--key)") << "; "
              << proved.unsigned_records << " records are newer\n";
    for (const std::string& removed : report.removed)
      std::cout << removed << '\n';
    if (proved.out_of_reach > 0)
      std::cout << proved.out_of_reach
                << " checkpoints are about records that were removed: nothing is left to check\n";
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
  const std::vector<Flag> filters = audit_filter_flags();
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
      options("--checkpoint", Kind::file, "FILE", "checkpoints kept elsewhere, that the log must lead to as well"),
      options("--witness-key", Kind::text, "KEY",
              "what --checkpoint names must be signed by a witness with this verifier key")};
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
  return {last, find, audit_export_verb(), prove, audit_unseal_verb(), ask, trust};
}

}  // namespace dbgate::cli
