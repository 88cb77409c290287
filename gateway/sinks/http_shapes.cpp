#include "gateway/sinks/http_shapes.h"

#include <zlib.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <ctime>
#include <map>

#include "gateway/auth/digests.h"
#include "gateway/base/clock.h"
#include "gateway/search/record.h"
#include "gateway/sinks/otlp.h"

namespace dbgate::sinks {
namespace {

namespace json = boost::json;
using config::SinkShape;

// Seconds since 1970 with microseconds.
std::string seconds_text(std::int64_t us) {
  std::string fraction = std::to_string(us % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::to_string(us / 1'000'000) + "." + fraction;
}

std::string quoted(std::string_view text) {
  return json::serialize(json::string(text));
}

std::string lines_of(std::span<const ports::SinkRecord> records) {
  std::string body;
  for (const ports::SinkRecord& record : records)
    body.append(record.line) += '\n';
  return body;
}

std::string events_of(const config::AuditSink& settings, const std::string& host,
                      std::span<const ports::SinkRecord> records) {
  std::string body;
  const std::string index = settings.index.empty() ? "" : ",\"index\":" + quoted(settings.index);
  for (const ports::SinkRecord& record : records) {
    search::Record read;
    const bool known = search::read_record(record.line, read);
    body += "{";
    if (known) body += "\"time\":" + seconds_text(read.time_us()) + ",";
    body +=
        "\"host\":" + quoted(host) + ",\"source\":\"dbgate\",\"sourcetype\":\"dbgate:audit\"" + index + ",\"event\":";
    body.append(record.line) += "}\n";
  }
  return body;
}

std::string streams_of(const std::string& host, std::span<const ports::SinkRecord> records) {
  std::map<std::string, std::string, std::less<>> values;
  for (const ports::SinkRecord& record : records) {
    search::Record read;
    const std::int64_t us = search::read_record(record.line, read) ? read.time_us() : wall_clock_us();
    std::string& list = values[std::string(record.chain)];
    list += list.empty() ? "" : ",";
    list += "[\"" + std::to_string(us) + "000\"," + quoted(record.line) + "]";
  }
  std::string body = "{\"streams\":[";
  for (const auto& [chain, list] : values) {
    body += body.back() == '[' ? "" : ",";
    body += "{\"stream\":{\"job\":\"dbgate\",\"host\":" + quoted(host) + ",\"chain\":" + quoted(chain) +
            "},\"values\":[" + list + "]}";
  }
  return body + "]}";
}

// Elasticsearch makes a field of each member, and an object of each dot: one that is a text in one record and an object
// in another would be refused.
std::string document_of(std::string_view line, std::string_view time) {
  boost::system::error_code failed;
  json::value parsed = json::parse(json::string_view(line.data(), line.size()), failed);
  if (failed || !parsed.is_object()) return "{\"message\":" + quoted(line) + "}";
  json::object& members = parsed.get_object();
  if (!time.empty()) members["@timestamp"] = json::string_view(time.data(), time.size());
  if (auto* const object = members.find("object"); object != members.end()) {
    members["object.type"] = object->value();
    members.erase("object");
  }
  for (const char* const nested : {"db.query.parameters", "statement.definitions", "result.rows"})
    if (json::value* const values = members.if_contains(nested)) *values = json::serialize(*values);
  return json::serialize(parsed);
}

std::string creations_of(const config::AuditSink& settings, std::span<const ports::SinkRecord> records) {
  std::string body;
  for (const ports::SinkRecord& record : records) {
    search::Record read;
    const bool known = search::read_record(record.line, read);
    const std::string id =
        known ? std::string(read.id) : std::string(record.chain) + "-" + std::to_string(record.sequence);
    body += "{\"create\":{\"_index\":" + quoted(settings.index) + ",\"_id\":" + quoted(id) + "}}\n";
    body += document_of(record.line, known ? read.time : std::string_view()) + "\n";
  }
  return body;
}

// Of another server's text only what looks like a name goes into a message: the rest may quote records.
std::string name_in(const json::value* value) {
  if (value == nullptr || !value->is_string()) return {};
  const std::string_view text(value->get_string().data(), value->get_string().size());
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
  return plain && text.size() <= 64 ? std::string(text) : std::string();
}

bool is_temporary(std::int64_t status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

// One record's part of a bulk answer: empty if it is there now, or was before.
void read_item(const json::value& item, HttpVerdict& verdict) {
  const json::object* const outer = item.if_object();
  const json::value* const entry = outer != nullptr && !outer->empty() ? &outer->begin()->value() : nullptr;
  const json::object* const result = entry != nullptr ? entry->if_object() : nullptr;
  const json::value* const status = result != nullptr ? result->if_contains("status") : nullptr;
  if (status == nullptr || !status->is_int64()) {
    verdict.why = "the answer to a bulk request cannot be understood";
    return;
  }
  const std::int64_t code = status->get_int64();
  if ((code >= 200 && code < 300) || code == 409) return;
  const json::value* const error = result->if_contains("error");
  const json::object* const details = error != nullptr ? error->if_object() : nullptr;
  const std::string name = details != nullptr ? name_in(details->if_contains("type")) : std::string();
  verdict.why = "a record was answered with " + std::to_string(code) + (name.empty() ? "" : " " + name);
  verdict.rejected = code == 400 || code == 413 || code == 422;
}

HttpVerdict read_bulk(std::size_t records, const std::string& body) {
  HttpVerdict verdict;
  boost::system::error_code failed;
  const json::value answer = json::parse(body, failed);
  const json::object* const members = failed ? nullptr : answer.if_object();
  const json::value* const items = members != nullptr ? members->if_contains("items") : nullptr;
  if (items == nullptr || !items->is_array() || items->get_array().size() != records) {
    verdict.why = "the answer to a bulk request cannot be understood";
    return verdict;
  }
  for (const json::value& item : items->get_array()) {
    read_item(item, verdict);
    if (!verdict.why.empty()) break;
    ++verdict.delivered;
  }
  return verdict;
}

// ExportLogsPartialSuccess. What was rejected says nothing of itself.
bool has_rejected_logs(const std::string& body) {
  boost::system::error_code failed;
  const json::value answer = json::parse(body, failed);
  const json::value* const partial =
      !failed && answer.is_object() ? answer.get_object().if_contains("partialSuccess") : nullptr;
  const json::object* const members = partial != nullptr ? partial->if_object() : nullptr;
  const json::value* const count = members != nullptr ? members->if_contains("rejectedLogRecords") : nullptr;
  return count != nullptr && json::serialize(*count) != "0" && json::serialize(*count) != "\"0\"";
}

std::string_view content_type(SinkShape shape) {
  const bool lines = shape == SinkShape::json_lines || shape == SinkShape::elasticsearch_bulk;
  return lines ? "application/x-ndjson" : "application/json";
}

}  // namespace

std::string body_of(const config::AuditSink& settings, const std::string& host,
                    std::span<const ports::SinkRecord> records) {
  switch (settings.shape) {
    case SinkShape::splunk_hec:
      return events_of(settings, host, records);
    case SinkShape::loki:
      return streams_of(host, records);
    case SinkShape::elasticsearch_bulk:
      return creations_of(settings, records);
    case SinkShape::otlp_logs:
      return otlp_logs(host, records);
    default:
      return lines_of(records);
  }
}

std::vector<std::pair<std::string, std::string>> headers_of(const config::AuditSink& settings) {
  std::vector<std::pair<std::string, std::string>> headers(settings.headers.begin(), settings.headers.end());
  headers.emplace_back("Content-Type", content_type(settings.shape));
  if (settings.gzip) headers.emplace_back("Content-Encoding", "gzip");
  constexpr std::string_view schemes[] = {"Bearer ", "Splunk ", "Bearer ", "ApiKey ", "Bearer ", "Bearer "};
  if (!settings.token.empty())
    headers.emplace_back("Authorization",
                         std::string(schemes[static_cast<std::size_t>(settings.shape)]) + settings.token);
  if (!settings.user.empty())
    headers.emplace_back("Authorization", "Basic " + auth::base64_encode(settings.user + ":" + settings.password));
  return headers;
}

HttpVerdict read_answer(SinkShape shape, std::size_t records, const ports::HttpResponse& response) {
  const unsigned status = response.status;
  if (status >= 200 && status < 300) {
    if (shape == SinkShape::elasticsearch_bulk) return read_bulk(records, response.body);
    if (shape == SinkShape::otlp_logs && has_rejected_logs(response.body))
      return {0, "the collector has rejected a record", true, true, {}};
    return {records, {}, false, false, {}};
  }
  HttpVerdict verdict;
  verdict.why = "the server answered " + std::to_string(status);
  for (const auto& [name, value] : response.headers)
    if (name == "retry-after" && is_temporary(status))
      verdict.retry_after = retry_after(value, wall_clock_us() / 1'000'000);
  // What is wrong with a token or an address, somebody can put right; what is wrong with a record, nobody.
  verdict.rejected = verdict.divisible = status == 400 || status == 413 || status == 422;
  return verdict;
}

std::chrono::milliseconds retry_after(std::string_view text, std::int64_t now_s) {
  std::int64_t seconds = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (wrong != std::errc() || end != text.data() + text.size()) {
    std::tm date{};
    const std::string copy(text);
    const char* const rest = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (rest == nullptr || *rest != '\0') return std::chrono::milliseconds(0);
    seconds = ::timegm(&date) - now_s;
  }
  constexpr std::int64_t most = 24 * 3600;
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, most));
}

std::string gzip(std::string_view text) {
  constexpr int window_and_gzip = 15 + 16;
  z_stream stream{};
  if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_and_gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string out(::deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, Z_FINISH);  // into as much room as it may need
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

}  // namespace dbgate::sinks
