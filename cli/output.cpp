#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "cli/problem.h"
#include "cli/table/suggest.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;
using Names = std::vector<std::string>;

Names split(const std::string& text) {
  Names names;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    if (end > at) names.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

// The columns that were asked for. Every one must be something that the listing could have.
Names chosen_columns(const Options& options, const Listing& listing) {
  Names known = listing.columns;
  known.insert(known.end(), listing.more.begin(), listing.more.end());
  if (options.fields.empty()) return format_of(options) == "wide" ? known : listing.columns;
  const Names wanted = split(options.fields);
  if (wanted.empty()) throw Problem{Exit::usage, "--fields names no column", ""};
  for (const json::value& item : listing.items) {
    if (!item.is_object()) continue;
    for (const auto& member : item.as_object())
      known.emplace_back(member.key());
  }
  for (const std::string& name : wanted) {
    const bool somewhere = std::find(known.begin(), known.end(), name) != known.end() ||
                           std::any_of(listing.items.begin(), listing.items.end(), [&name](const json::value& item) {
                             return item.is_object() && member_at(item.as_object(), name) != nullptr;
                           });
    if (!somewhere) throw Problem{Exit::usage, "there is no field \"" + name + "\"", suggestion(name, known, "")};
  }
  return wanted;
}

json::value reduced(const json::value& item, const Names& fields) {
  json::object object;
  for (const std::string& name : fields) {
    const json::value* value = item.is_object() ? member_at(item.as_object(), name) : nullptr;
    object[name] = value == nullptr ? json::value(nullptr) : *value;
  }
  return object;
}

Rows rows_of(const json::array& items, const Names& columns) {
  Rows rows{columns, {}};
  for (const json::value& item : items) {
    Row row;
    for (const std::string& name : columns) {
      const json::value* value = item.is_object() ? member_at(item.as_object(), name) : nullptr;
      row.push_back(value == nullptr ? std::nullopt : cell_text(*value));
    }
    rows.rows.push_back(std::move(row));
  }
  return rows;
}

void print_items(const Options& options, const Listing& listing, const Names& columns) {
  json::array items;
  for (const json::value& item : listing.items)
    items.push_back(options.fields.empty() ? item : reduced(item, columns));
  if (options.output == "json") return print_json(items);
  for (const json::value& item : items)
    print_json(item);
}

}  // namespace

bool wants_json(const Options& options) {
  return options.output == "json" || options.output == "jsonl";
}

std::string format_of(const Options& options) {
  return !options.output.empty() ? options.output : (::isatty(STDOUT_FILENO) != 0 ? "table" : "tsv");
}

void print_json(const json::value& value) {
  std::cout << json::serialize(value) << '\n';
}

const json::value* member_at(const json::object& object, const std::string& path) {
  if (const json::value* whole = object.if_contains(path)) return whole;
  const std::size_t dot = path.find('.');
  if (dot == std::string::npos) return nullptr;
  const json::value* inner = object.if_contains(path.substr(0, dot));
  return inner == nullptr || !inner->is_object() ? nullptr : member_at(inner->as_object(), path.substr(dot + 1));
}

std::string text_at(const json::value& value, const std::string& path) {
  const json::value* found = value.is_object() ? member_at(value.as_object(), path) : nullptr;
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

std::optional<std::string> cell_text(const json::value& value) {
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return std::string(value.as_string());
  if (!value.is_array()) return json::serialize(value);
  std::string joined;
  for (const json::value& item : value.as_array()) {
    if (item.is_object() || item.is_array()) return json::serialize(value);
    joined += (joined.empty() ? "" : ",") + cell_text(item).value_or("");
  }
  return joined;
}

void print_listing(const Options& options, const Listing& listing) {
  const Names columns = chosen_columns(options, listing);
  if (options.quiet) {
    const Rows ids = rows_of(listing.items, {listing.columns.front()});
    for (const Row& row : ids.rows)
      std::cout << row.front().value_or("") << '\n';
    return;
  }
  if (wants_json(options)) return print_items(options, listing, columns);
  const std::string format = format_of(options);
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  if (listing.items.empty() && terminal && !listing.empty.empty() && (format == "table" || format == "wide")) {
    std::cerr << listing.empty << '\n';
    return;
  }
  const Rows rows = rows_of(listing.items, columns);
  const bool headers = !options.no_headers;
  if (format == "csv" || format == "tsv") {
    std::string text;
    if (headers) text += separated_row(format, Row(columns.begin(), columns.end()));
    for (const Row& row : rows.rows)
      text += separated_row(format, row);
    return page(options, text);
  }
  if (format == "markdown") return page(options, markdown_text(rows));
  page(options, format == "aligned" ? aligned_text(rows, headers) : table_text(rows, headers));
}

void print_object(const Options& options, const json::object& object, const Names& columns) {
  Listing listing{columns, {object}};
  const std::string format = format_of(options);
  if (wants_json(options) && !options.quiet) {
    return print_json(options.fields.empty() ? json::value(object) : reduced(object, chosen_columns(options, listing)));
  }
  if (options.quiet || (format != "table" && format != "wide")) return print_listing(options, listing);
  Names names = chosen_columns(options, listing);
  if (format == "wide" && options.fields.empty()) {
    for (const auto& member : object)
      if (std::find(names.begin(), names.end(), member.key()) == names.end()) names.emplace_back(member.key());
  }
  std::size_t width = 0;
  for (const std::string& name : names)
    width = std::max(width, name.size());
  std::string text;
  for (const std::string& name : names) {
    const json::value* value = member_at(object, name);
    if (value == nullptr) continue;
    const auto cell = cell_text(*value);
    text += styled(name, Style::bold) + std::string(width - name.size() + 2, ' ') +
            (cell ? printable(*cell) : styled("NULL", Style::dim)) + "\n";
  }
  page(options, text);
}

}  // namespace dbgate::cli
