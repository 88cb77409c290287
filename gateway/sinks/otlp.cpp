#include "gateway/sinks/otlp.h"

#include <array>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "gateway/base/keyed_hash.h"
#include "gateway/base/trace_context.h"
#include "gateway/search/record.h"

namespace dbgate::sinks {
namespace {

namespace json = boost::json;

// Twice as many decisions are remembered at most: a statement that runs while so many others are decided has a span
// without what its decision says.
constexpr std::size_t most_decisions = 20'000;
constexpr std::size_t most_objects = 5;
constexpr HashKey of_samples{0, 4};

// Numbers of opentelemetry/proto/trace/v1/trace.proto and logs.proto.
constexpr int span_kind_server = 2;
constexpr int status_error = 2;
constexpr int severity_info = 9;
constexpr int severity_warn = 13;

// Members that keep their names as attributes, and those of dbgate's own with theirs. The text of statements and the
// values of parameters are none of them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 20> attributes = {
    {{"db.system.name", "db.system.name"},
     {"db.namespace", "db.namespace"},
     {"db.operation.name", "db.operation.name"},
     {"db.response.status_code", "db.response.status_code"},
     {"db.response.returned_rows", "db.response.returned_rows"},
     {"server.address", "server.address"},
     {"server.port", "server.port"},
     {"client.address", "client.address"},
     {"client.port", "client.port"},
     {"user.name", "user.name"},
     {"query_id", "dbgate.query_id"},
     {"session_id", "dbgate.session_id"},
     {"target", "dbgate.target"},
     {"protocol", "dbgate.protocol"},
     {"decision.effect", "dbgate.decision.effect"},
     {"decision.rule_id", "dbgate.decision.rule_id"},
     {"risk.level", "dbgate.risk.level"},
     {"approval.id", "dbgate.approval.id"},
     {"rows_affected", "dbgate.rows_affected"},
     {"limit", "dbgate.limit"}}};

std::optional<json::object> parse(std::string_view line) {
  boost::system::error_code failed;
  json::value value = json::parse(json::string_view(line.data(), line.size()), failed);
  if (failed || !value.is_object()) return {};
  return std::move(value.get_object());
}

std::string text_of(const json::object& record, std::string_view key) {
  const json::value* const found = record.if_contains(json::string_view(key.data(), key.size()));
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

json::string as_json(std::string_view text) {
  return json::string(text.data(), text.size());
}

// AnyValue of opentelemetry/proto/common/v1/common.proto; 64-bit numbers are texts in JSON.
json::value any(const json::value& value) {
  if (value.is_int64()) return {{"intValue", std::to_string(value.get_int64())}};
  if (value.is_uint64()) return {{"intValue", std::to_string(value.get_uint64())}};
  return {{"stringValue", value.is_string() ? value.get_string() : json::string(json::serialize(value))}};
}

void add(json::array& list, std::string_view key, const json::value& value) {
  list.push_back({{"key", as_json(key)}, {"value", any(value)}});
}

json::object resource(const std::string& host) {
  json::array list;
  add(list, "service.name", "dbgate");
  add(list, "host.name", json::value(as_json(host)));
  return {{"attributes", std::move(list)}};
}

std::string nanoseconds(std::int64_t us) {
  return std::to_string(us) + "000";
}

// "SELECT accounts, branches": the low-cardinality name that OpenTelemetry calls db.query.summary.
std::string summary_of(const json::object& decision) {
  std::string text = text_of(decision, "db.operation.name");
  const json::value* const objects = decision.if_contains("objects");
  if (objects == nullptr || !objects->is_array()) return text;
  std::size_t count = 0;
  for (const json::value& object : objects->get_array()) {
    if (!object.is_string() || count++ == most_objects) break;
    text += (count == 1 ? " " : ", ") + std::string(object.get_string());
  }
  return text;
}

void add_attributes(json::array& list, const json::object* decision, const json::object& record) {
  for (const auto& [member, name] : attributes) {
    const json::string_view key(member.data(), member.size());
    const json::value* value = record.if_contains(key);
    if (value == nullptr && decision != nullptr) value = decision->if_contains(key);
    if (value != nullptr) add(list, name, *value);
  }
}

std::int64_t duration_us(const json::object& record) {
  const json::value* const found = record.if_contains("duration_ms");
  if (found == nullptr || !found->is_number()) return 0;
  return static_cast<std::int64_t>(found->to_number<double>() * 1000 + 0.5);
}

std::string error_type(const json::object& record, bool denied) {
  if (denied) return "denied";
  const std::string sqlstate = text_of(record, "db.response.status_code");
  return text_of(record, "outcome") == "error" ? sqlstate : std::string();
}

// @param decision  null: it is not known, or `record` is it
json::object span_of(const json::object& record, const json::object* decision) {
  const bool denied = text_of(record, "event") == "statement.decided";
  const json::object& described = decision != nullptr ? *decision : record;
  const std::string query_id = text_of(record, "query_id");
  const std::string trace = text_of(record, "trace_id");
  const std::int64_t end = search::parse_log_time(text_of(record, "ts"));
  json::object span;
  span["traceId"] = trace.empty() ? trace_id_of(query_id) : trace;
  span["spanId"] = span_id_of(query_id);
  if (!trace.empty()) span["parentSpanId"] = text_of(record, "parent_span_id");
  const std::string summary = summary_of(described);
  span["name"] = summary.empty() ? text_of(record, "target") : summary;
  span["kind"] = span_kind_server;
  span["startTimeUnixNano"] = nanoseconds(end - duration_us(record));
  span["endTimeUnixNano"] = nanoseconds(end);
  json::array list;
  if (!summary.empty()) add(list, "db.query.summary", json::value(as_json(summary)));
  add_attributes(list, decision, record);
  if (const std::string error = error_type(record, denied); !error.empty()) {
    add(list, "error.type", json::value(as_json(error)));
    span["status"] = {{"code", status_error}};
  }
  span["attributes"] = std::move(list);
  return span;
}

}  // namespace

std::string otlp_logs(const std::string& host, std::span<const ports::SinkRecord> records) {
  json::array logs;
  for (const ports::SinkRecord& record : records) {
    const json::object read = parse(record.line).value_or(json::object());
    const std::string time = nanoseconds(search::parse_log_time(text_of(read, "ts")));
    const std::string event = text_of(read, "event");
    const bool denied = text_of(read, "decision.effect") == "deny";
    json::array list;
    add(list, "log.record.uid", json::value(as_json(text_of(read, "id"))));
    add_attributes(list, nullptr, read);
    json::object log = {{"timeUnixNano", time},
                        {"observedTimeUnixNano", time},
                        {"severityNumber", denied ? severity_warn : severity_info},
                        {"severityText", denied ? "WARN" : "INFO"},
                        {"eventName", event},
                        {"body", {{"stringValue", as_json(record.line)}}},
                        {"attributes", std::move(list)}};
    if (const std::string trace = text_of(read, "trace_id"); !trace.empty()) {
      log["traceId"] = trace;
      log["spanId"] = text_of(read, "span_id");
      log["flags"] = text_of(read, "trace_flags") == "01" ? 1 : 0;
    }
    logs.push_back(std::move(log));
  }
  json::object scope = {{"scope", {{"name", "dbgate.audit"}}}, {"logRecords", std::move(logs)}};
  json::object all = {{"resource", resource(host)}, {"scopeLogs", json::array{std::move(scope)}}};
  return json::serialize(json::object{{"resourceLogs", json::array{std::move(all)}}});
}

// By the id, so that a decision and its outcome are told alike, today and when they come again.
bool OtlpTraces::is_sampled(const json::object& record) const {
  if (record.contains("trace_id")) return text_of(record, "trace_flags") == "01";
  constexpr double all_hashes = 18446744073709551616.0;
  const std::uint64_t hash = sip_hash(of_samples, text_of(record, "query_id"), 2, 4);
  return static_cast<double>(hash) < sample_ratio_ * all_hashes;
}

const json::object* OtlpTraces::decision_of(const std::string& query_id) const {
  for (const Decisions* const known : {&newer_, &older_}) {
    const auto found = known->find(query_id);
    if (found != known->end()) return &found->second;
  }
  return nullptr;
}

void OtlpTraces::remember(const std::string& query_id, const json::object& decision) {
  if (newer_.size() >= most_decisions) {
    older_ = std::move(newer_);
    newer_.clear();
  }
  json::object& kept = newer_[query_id];
  kept.clear();
  for (const auto& [member, name] : attributes) {
    const json::string_view key(member.data(), member.size());
    if (const json::value* const value = decision.if_contains(key)) kept[key] = *value;
  }
  if (const json::value* const objects = decision.if_contains("objects")) kept["objects"] = *objects;
}

std::string OtlpTraces::body(std::span<const ports::SinkRecord> records) {
  json::array spans;
  for (const ports::SinkRecord& record : records) {
    search::Record known;
    if (!search::read_record(record.line, known)) continue;
    const bool done = known.event == "statement.done";
    if (!done && known.event != "statement.decided") continue;
    const std::optional<json::object> read = parse(record.line);
    if (!read || !is_sampled(*read)) continue;
    const std::string query_id = text_of(*read, "query_id");
    if (done) {
      spans.push_back(span_of(*read, decision_of(query_id)));
    } else if (known.effect == "deny") {
      spans.push_back(span_of(*read, nullptr));
    } else {
      remember(query_id, *read);
    }
  }
  if (spans.empty()) return {};
  json::object scope = {{"scope", {{"name", "dbgate"}}}, {"spans", std::move(spans)}};
  json::object all = {{"resource", resource(host_)}, {"scopeSpans", json::array{std::move(scope)}}};
  return json::serialize(json::object{{"resourceSpans", json::array{std::move(all)}}});
}

}  // namespace dbgate::sinks
