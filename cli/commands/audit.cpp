#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <iostream>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "gateway/audit/log_reader.h"
#include "gateway/audit/verify.h"

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

bool matches(const Record& record, const AuditOptions& audit) {
  const auto is = [&record](const char* name, const std::string& wanted) {
    return wanted.empty() || text_of(record.fields, name) == wanted;
  };
  if (!is("user.name", audit.user) || !is("target", audit.target) || !is("event", audit.event) ||
      !is("decision.effect", audit.effect)) {
    return false;
  }
  if (!audit.since.empty() && record.ts < audit.since) return false;
  if (!audit.until.empty() && record.ts >= audit.until) return false;
  if (audit.text.empty()) return true;
  return text_of(record.fields, "db.query.text").find(audit.text) != std::string::npos;
}

void require_directory(const AuditOptions& audit) {
  if (::access(audit.directory.c_str(), R_OK | X_OK) == 0) return;
  throw Problem{Exit::not_found, "cannot read the audit log in " + audit.directory,
                "name the directory audit/ in the gateway's state_dir", ""};
}

Listing listing_of(const std::vector<Record>& records) {
  Listing listing{{"ts", "event", "user.name", "target", "decision.effect", "db.query.text"}, {}};
  for (const Record& record : records) {
    std::vector<std::string> row;
    for (const std::string& column : listing.columns)
      row.push_back(text_of(record.fields, column.c_str()));
    std::replace(row.back().begin(), row.back().end(), '\n', ' ');
    listing.rows.push_back(std::move(row));
  }
  return listing;
}

// JSON output is the log's own lines: the hash of a record is of its bytes.
void print(const std::vector<Record>& records, const Options& options) {
  if (options.output != "jsonl" && options.output != "json")
    return print_listing(listing_of(records), options, std::cout);
  const bool array = options.output == "json";
  for (std::size_t i = 0; i < records.size(); ++i)
    std::cout << (array ? (i == 0 ? "[" : ",") : "") << records[i].line << '\n';
  if (array) std::cout << (records.empty() ? "[]\n" : "]\n");
}

// What came since the last call, ordered by time: chains are written by one thread each.
std::vector<Record> more(audit::LogReader& reader, const AuditOptions& audit) {
  std::vector<Record> records;
  reader.more([&](const std::string& line) {
    Record record;
    if (parse_record(line, record) && matches(record, audit)) records.push_back(std::move(record));
  });
  std::stable_sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.ts < b.ts; });
  return records;
}

}  // namespace

Exit audit_search(const Options& options, const AuditOptions& audit) {
  require_directory(audit);
  dbgate::audit::LogReader reader(audit.directory);
  print(more(reader, audit), options);
  return Exit::ok;
}

Exit audit_tail(const Options& options, const AuditOptions& audit) {
  require_directory(audit);
  dbgate::audit::LogReader reader(audit.directory);
  std::vector<Record> records = more(reader, audit);
  if (records.size() > audit.lines) {
    records.erase(records.begin(), records.end() - static_cast<std::ptrdiff_t>(audit.lines));
  }
  print(records, options);
  Options without_headers = options;
  without_headers.no_headers = true;
  if (without_headers.output == "json") without_headers.output = "jsonl";
  while (audit.follow) {
    std::this_thread::sleep_for(follow_interval);
    print(more(reader, audit), without_headers);
    std::cout.flush();
  }
  return Exit::ok;
}

Exit audit_verify(const Options& options, const AuditOptions& audit) {
  require_directory(audit);
  const audit::VerifyReport report = audit::verify_directory(audit.directory);
  if (wants_json(options)) {
    json::object object{{"records", report.records},
                        {"chains", report.chains},
                        {"segments", report.segments},
                        {"in_flight", report.in_flight},
                        {"problems", json::value_from(report.problems)}};
    std::cout << json::serialize(object) << '\n';
  } else {
    std::cout << report.records << " records in " << report.chains << " chains and " << report.segments << " segments; "
              << report.in_flight << " statements without outcome\n";
    for (const std::string& problem : report.problems)
      std::cout << problem << '\n';
  }
  if (report.problems.empty()) return Exit::ok;
  throw Problem{Exit::failure,
                "the audit log has been altered or is damaged: " + std::to_string(report.problems.size()) +
                    (report.problems.size() == 1 ? " problem" : " problems"),
                "keep a copy before anything else touches the directory", ""};
}

}  // namespace dbgate::cli
