#include "cli/commands/audit_export.h"

#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <set>

#include "cli/commands/audit_filters.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "gateway/audit/log_reader.h"
#include "gateway/queries/format.h"

// Records as a table for programs that analyse them.
namespace dbgate::cli {
namespace {

namespace json = boost::json;
using queries::Cells;

constexpr std::size_t piece_bytes = 1u << 20;

/// How the values of a column are carried, by the type that they would have in PostgreSQL (pg_type.dat).
enum Type : std::uint32_t { int8 = 20, text = 25, float8 = 701, timestamptz = 1184 };

struct Column {
  const char* member;  ///< of a record; lists and objects are JSON
  Type type = text;
};
constexpr std::array<Column, 58> columns{{{"ts", timestamptz},
                                          {"chain"},
                                          {"seq", int8},
                                          {"id"},
                                          {"event"},
                                          {"session_id"},
                                          {"user.name"},
                                          {"target"},
                                          {"auth.method"},
                                          {"auth.credential"},
                                          {"client.address"},
                                          {"client.port", int8},
                                          {"client.application"},
                                          {"db.system.name"},
                                          {"db.namespace"},
                                          {"server.address"},
                                          {"server.port", int8},
                                          {"upstream.user"},
                                          {"query_id"},
                                          {"protocol"},
                                          {"db.operation.name"},
                                          {"statement.name"},
                                          {"db.query.text"},
                                          {"db.query.text_sha256"},
                                          {"db.query.text_bytes", int8},
                                          {"db.query.parameters"},
                                          {"objects"},
                                          {"decision.effect"},
                                          {"decision.rule_id"},
                                          {"decision.policy_version"},
                                          {"decision.reasons"},
                                          {"decision.masked_columns"},
                                          {"risk.level"},
                                          {"risk.score", int8},
                                          {"risk.rules"},
                                          {"risk.model"},
                                          {"statement.shapes"},
                                          {"approval.id"},
                                          {"approval.by"},
                                          {"outcome"},
                                          {"db.response.status_code"},
                                          {"limit"},
                                          {"served_from"},
                                          {"db.response.command_tags"},
                                          {"db.response.returned_rows", int8},
                                          {"rows_affected", int8},
                                          {"bytes", int8},
                                          {"duration_ms", float8},
                                          {"bytes_from_client", int8},
                                          {"bytes_to_client", int8},
                                          {"reason"},
                                          {"change"},
                                          {"object"},
                                          {"object.name"},
                                          {"prev_hash"},
                                          {"hash"},
                                          {"v", int8},
                                          {nullptr}}};
// The last one has what no other column has, as a JSON object.
constexpr const char* others = "other";

// Names of columns need no quotes in SQL.
std::string name_of(const Column& column) {
  std::string name = column.member == nullptr ? others : column.member;
  for (char& c : name)
    if (c == '.') c = '_';
  return name;
}

// As PostgreSQL writes it.
std::string time_text(std::string text) {
  if (text.size() < 20 || text[10] != 'T' || text.back() != 'Z') return text;
  text[10] = ' ';
  text.replace(text.size() - 1, 1, "+00");
  return text;
}

std::optional<std::string> cell_of(const json::object& record, const Column& column) {
  const json::value* const value = record.if_contains(column.member);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_string()) return json::serialize(*value);
  std::string text(value->as_string());
  return column.type == timestamptz ? time_text(std::move(text)) : std::move(text);
}

std::optional<std::string> others_of(const json::object& record) {
  static const std::set<std::string_view> known = [] {
    std::set<std::string_view> names;
    for (const Column& column : columns)
      if (column.member != nullptr) names.insert(column.member);
    return names;
  }();
  json::object rest;
  for (const auto& [name, value] : record)
    if (!known.contains(std::string_view(name))) rest[name] = value;
  if (rest.empty()) return {};
  return json::serialize(rest);
}

/// A file that is there whole, or not at all.
class Target {
 public:
  Target(std::string path, bool replace) : path_(std::move(path)) {
    if (path_ == "-") return;
    if (!replace && std::filesystem::exists(path_))
      throw Problem{Exit::usage, path_ + " is there already", "name another file, or add --force"};
    temporary_ = path_ + ".part" + std::to_string(::getpid());
    file_ = std::fopen(temporary_.c_str(), "wbxe");
    if (file_ == nullptr) fail();
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    std::remove(temporary_.c_str());
  }

  void write(std::string& piece) {
    std::FILE* const out = file_ == nullptr ? stdout : file_;
    if (std::fwrite(piece.data(), 1, piece.size(), out) != piece.size()) fail();
    piece.clear();
  }
  void finish() {
    if (file_ == nullptr) {
      if (std::fflush(stdout) != 0) fail();
      return;
    }
    const bool whole = std::fclose(std::exchange(file_, nullptr)) == 0;
    if (whole && std::rename(temporary_.c_str(), path_.c_str()) == 0) return;
    std::remove(temporary_.c_str());
    fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw Problem{Exit::failure, "cannot write " + path_, "is there room, and may you write there?"};
  }
  const std::string path_;
  std::string temporary_;
  std::FILE* file_ = nullptr;
};

/// Lines of the log, as they are.
class Lines final : public queries::Format {
 public:
  const char* content_type() const override { return "application/jsonl"; }
  Result<> begin(const std::vector<ports::QueryColumn>&, std::string&) override {
    return boost::system::in_place_value;
  }
  Result<> row(const Cells& cells, std::string& out) override {
    out.append(*cells.front()).append("\n");
    return boost::system::in_place_value;
  }
  Result<> end(std::string&) override { return boost::system::in_place_value; }
};

void check(const Result<>& done) {
  if (!done) throw Problem{Exit::failure, done.error().message(), done.error().hint()};
}

class Writer {
 public:
  Writer(const std::string& format, Target& target) : target_(target), whole_lines_(format == "jsonl") {
    ports::ExportOptions options;
    if (whole_lines_)
      format_ = std::make_unique<Lines>();
    else if (format == "parquet")
      format_ = queries::make_parquet();
    else
      format_ = queries::make_csv(options);
    std::vector<ports::QueryColumn> described;
    for (const Column& column : columns)
      described.push_back({name_of(column), {}, column.type, -1});
    check(format_->begin(described, out_));
  }

  /// False: the line is no record.
  bool add(const std::string& line) {
    if (whole_lines_) {
      write({std::string_view(line)});
      return true;
    }
    boost::system::error_code failed;
    const json::value parsed = json::parse(line, failed);
    if (failed || !parsed.is_object()) return false;
    const json::object& record = parsed.as_object();
    std::array<std::optional<std::string>, columns.size()> texts;
    Cells cells;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      texts[i] = columns[i].member == nullptr ? others_of(record) : cell_of(record, columns[i]);
      cells.emplace_back(texts[i] ? std::optional<std::string_view>(*texts[i]) : std::nullopt);
    }
    write(cells);
    return true;
  }
  void finish() {
    check(format_->end(out_));
    target_.write(out_);
    target_.finish();
  }
  std::uint64_t records() const noexcept { return records_; }

 private:
  void write(const Cells& cells) {
    check(format_->row(cells, out_));
    ++records_;
    if (out_.size() >= piece_bytes) target_.write(out_);
  }

  Target& target_;
  const bool whole_lines_;
  std::unique_ptr<queries::Format> format_;
  std::string out_;
  std::uint64_t records_ = 0;
};

std::string format_of_file(const Call& call) {
  if (call.has("format")) return call.text("format");
  const std::string extension = std::filesystem::path(call.text("FILE")).extension().string();
  for (const char* const known : {"parquet", "jsonl", "csv"})
    if (extension == std::string(".") + known) return known;
  throw Problem{Exit::usage, "in which format?", "add --format parquet, jsonl or csv, or name a file that ends so"};
}

int export_records(const Call& call) {
  const Wanted wanted = wanted_of(call);
  require_directory(wanted.directory);
  const std::string format = format_of_file(call);
  Target target(call.text("FILE"), call.has("force"));
  Writer writer(format, target);
  std::uint64_t unreadable = 0;
  dbgate::audit::LogReader reader(wanted.directory);
  const auto read = reader.more([&](const std::string& line) {
    if (matches(line, wanted) && !writer.add(line)) ++unreadable;
  });
  if (!read) throw Problem{Exit::failure, read.error().message(), read.error().hint()};
  writer.finish();
  if (wants_json(call.options) && call.text("FILE") != "-") {
    print_json(json::object{{"records", writer.records()}, {"unreadable", unreadable}});
  } else if (!call.options.quiet) {
    std::cerr << writer.records() << " records\n";
    if (unreadable > 0) std::cerr << unreadable << " lines are no records: see `dbgate audit verify`\n";
  }
  return 0;
}

}  // namespace

Verb audit_export_verb() {
  Verb verb{"audit export", "write records to a file for analysis, offline"};
  verb.arguments = {{"DIRECTORY", Kind::directory, "the gateway's audit directory"},
                    {"FILE", Kind::file, "where to; - is standard output"}};
  verb.flags = audit_filter_flags();
  verb.flags.push_back(choice("--format", "FORMAT", "parquet jsonl csv", "(default: what FILE ends with)"));
  verb.flags.push_back(toggle("--force", "replace FILE if it is there"));
  verb.description =
      "Records come chain by chain, in the order of each. csv and parquet have a column for each member that is "
      "common, "
      "named with _ for a dot; lists are JSON, and what has no column is in the last one, other, as a JSON object. "
      "jsonl "
      "has the lines of the log as they are. A file is there whole, or not at all; however large the log is, a few "
      "megabytes of memory are used.";
  verb.examples = {{"dbgate audit export /var/lib/dbgate/audit november.parquet --since 2026-11-01T00:00:00Z --until "
                    "2026-12-01T00:00:00Z",
                    "a month for DuckDB"},
                   {"dbgate audit export /var/lib/dbgate/audit - --format csv --effect deny", "what was denied"}};
  verb.exits = {3};
  verb.run = export_records;
  return verb;
}

}  // namespace dbgate::cli
