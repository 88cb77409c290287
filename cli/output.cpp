#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>

namespace dbgate::cli {
namespace {

namespace json = boost::json;
using Row = std::vector<std::string>;

// Display width of UTF-8 text: code points, which is right for the names that stand in listings.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text)
    quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string escaped(std::string text, char special, const char* replacement) {
  for (std::size_t at = 0; (at = text.find(special, at)) != std::string::npos; at += 2)
    text.replace(at, 1, replacement);
  return text;
}

std::string tsv_cell(const std::string& text) {
  return escaped(escaped(escaped(text, '\\', "\\\\"), '\t', "\\t"), '\n', "\\n");
}

template <class Cell>
void print_separated(const Row& row, const char* before, const char* between, const char* after, Cell cell,
                     std::ostream& out) {
  out << before;
  for (std::size_t i = 0; i < row.size(); ++i)
    out << (i > 0 ? between : "") << cell(row[i]);
  out << after << '\n';
}

void print_table(const Listing& listing, bool headers, std::ostream& out) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < listing.columns.size(); ++i) {
    std::size_t widest = headers ? width(listing.columns[i]) : 0;
    for (const Row& row : listing.rows)
      widest = std::max(widest, width(row[i]));
    widths.push_back(widest);
  }
  const auto print = [&](const Row& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - width(row[i]) + 2, ' ');
    }
    out << line << '\n';
  };
  if (headers) {
    Row titles = listing.columns;
    for (std::string& title : titles)
      std::transform(title.begin(), title.end(), title.begin(),
                     [](char c) { return static_cast<char>(std::toupper(c)); });
    print(titles);
  }
  for (const Row& row : listing.rows)
    print(row);
}

json::object object_of(const Listing& listing, const Row& row) {
  json::object object;
  for (std::size_t i = 0; i < row.size(); ++i)
    object[listing.columns[i]] = row[i];
  return object;
}

void print_json(const Listing& listing, bool lines, std::ostream& out) {
  json::array items;
  for (const Row& row : listing.rows) {
    if (lines) {
      out << json::serialize(object_of(listing, row)) << '\n';
    } else {
      items.push_back(object_of(listing, row));
    }
  }
  if (!lines) out << json::serialize(items) << '\n';
}

void print_markdown(const Listing& listing, std::ostream& out) {
  const auto cell = [](const std::string& text) { return escaped(text, '|', "\\|"); };
  print_separated(listing.columns, "| ", " | ", " |", cell, out);
  print_separated(Row(listing.columns.size(), "---"), "| ", " | ", " |", cell, out);
  for (const Row& row : listing.rows)
    print_separated(row, "| ", " | ", " |", cell, out);
}

}  // namespace

bool wants_json(const Options& options) {
  return options.output == "json" || options.output == "jsonl";
}

void print_listing(const Listing& listing, const Options& options, std::ostream& out) {
  if (options.quiet) {
    for (const Row& row : listing.rows)
      out << row.front() << '\n';
    return;
  }
  const std::string format =
      !options.output.empty() ? options.output : (::isatty(STDOUT_FILENO) != 0 ? "table" : "tsv");
  if (format == "json" || format == "jsonl") return print_json(listing, format == "jsonl", out);
  if (format == "markdown") return print_markdown(listing, out);
  if (format == "table" || format == "wide") return print_table(listing, !options.no_headers, out);
  const bool csv = format == "csv";
  const auto cell = csv ? csv_cell : tsv_cell;
  const char* const between = csv ? "," : "\t";
  if (!options.no_headers) print_separated(listing.columns, "", between, "", cell, out);
  for (const Row& row : listing.rows)
    print_separated(row, "", between, "", cell, out);
}

}  // namespace dbgate::cli
