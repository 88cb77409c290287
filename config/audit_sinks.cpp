#include "config/audit_sinks.h"

#include <algorithm>
#include <array>
#include <set>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::size_t most_sinks = 16;
constexpr std::size_t most_records = 10'000;
constexpr std::size_t least_bytes = 64u << 10;
constexpr std::size_t most_bytes = 64u << 20;
constexpr Milliseconds shortest{100};
constexpr Milliseconds longest{5 * 60'000};
constexpr std::string_view of_names = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

// RFC 5424 table 1, as syslog.conf(5) calls them.
constexpr std::array<std::string_view, 24> facilities = {"kern",   "user",   "mail",   "daemon", "auth",     "syslog",
                                                         "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
                                                         "ntp",    "audit",  "alert",  "clock",  "local0",   "local1",
                                                         "local2", "local3", "local4", "local5", "local6",   "local7"};

// What keeps records whole and in their order is not for anybody to change.
constexpr std::array<std::string_view, 14> fixed_options = {"bootstrap.servers",
                                                            "metadata.broker.list",
                                                            "enable.idempotence",
                                                            "acks",
                                                            "request.required.acks",
                                                            "message.timeout.ms",
                                                            "delivery.timeout.ms",
                                                            "max.in.flight",
                                                            "max.in.flight.requests.per.connection",
                                                            "message.send.max.retries",
                                                            "retries",
                                                            "queuing.strategy",
                                                            "partitioner",
                                                            "transactional.id"};

// Members that only one type has.
struct Member {
  std::string_view key;
  unsigned types;  // bits
};
constexpr unsigned bit(SinkType type) {
  return 1u << static_cast<unsigned>(type);
}
constexpr unsigned of_file = bit(SinkType::file), of_syslog = bit(SinkType::syslog), of_http = bit(SinkType::http),
                   of_kafka = bit(SinkType::kafka);
constexpr std::array<Member, 30> members = {{{"path", of_file},
                                             {"address", of_syslog},
                                             {"transport", of_syslog},
                                             {"facility", of_syslog},
                                             {"app_name", of_syslog},
                                             {"shape", of_http},
                                             {"url", of_http},
                                             {"url_file", of_http},
                                             {"url_env", of_http},
                                             {"url_credential", of_http},
                                             {"token", of_http},
                                             {"token_file", of_http},
                                             {"token_env", of_http},
                                             {"token_credential", of_http},
                                             {"headers", of_http},
                                             {"index", of_http},
                                             {"gzip", of_http},
                                             {"sample_ratio", of_http},
                                             {"user", of_http | of_kafka},
                                             {"password", of_http | of_kafka},
                                             {"password_file", of_http | of_kafka},
                                             {"password_env", of_http | of_kafka},
                                             {"password_credential", of_http | of_kafka},
                                             {"ca_file", of_syslog | of_http | of_kafka},
                                             {"timeout", of_syslog | of_http},
                                             {"brokers", of_kafka},
                                             {"topic", of_kafka},
                                             {"options", of_kafka},
                                             {"batch_records", of_file | of_syslog | of_http | of_kafka},
                                             {"batch_bytes", of_file | of_syslog | of_http | of_kafka}}};

bool has_controls(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

void check_members(const Value& value, SinkType type) {
  constexpr std::array<const char*, 4> words = {"file", "syslog", "http", "kafka"};
  for (const Member& member : members) {
    const Value here = value[std::string(member.key)];
    if (here.present() && (member.types & bit(type)) == 0)
      here.error(std::string("is not for a sink of type ") + words[static_cast<std::size_t>(type)]);
  }
}

void read_file(const Value& value, AuditSink& sink) {
  value["path"].read(sink.path);
  if (sink.path.empty()) return value.error("needs path, the file that records are added to");
  if (sink.path[0] != '/') value["path"].error("must begin with /");
}

void read_address(const Value& value, AuditSink& sink) {
  std::string address;
  value.read(address);
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size())
    return value.error("must be host:port, such as logs.example.com:6514");
  sink.host = address.substr(0, colon);
  sink.port = address.substr(colon + 1);
  if (sink.host.starts_with('[') && sink.host.ends_with(']')) sink.host = sink.host.substr(1, sink.host.size() - 2);
  if (sink.port.size() > 5 || sink.port.find_first_not_of("0123456789") != std::string::npos)
    value.error("the port must be a number");
}

void read_syslog(const Value& value, AuditSink& sink) {
  if (!value["address"].present()) return value.error("needs address, the receiver's host:port");
  read_address(value["address"], sink);
  std::string transport = "tls";
  value["transport"].read(transport);
  sink.tls = transport == "tls";
  if (transport == "udp")
    value["transport"].error("udp loses records and cuts long ones: use tls or tcp");
  else if (!sink.tls && transport != "tcp")
    value["transport"].error("\"" + transport + "\" is not one of: tls, tcp");
  else if (!sink.tls && !is_loopback(sink.host))
    value["transport"].warn("records, with the text of statements, cross the network in clear; prefer tls");
  std::string facility;
  value["facility"].read(facility);
  if (!facility.empty()) {
    const auto found = std::find(facilities.begin(), facilities.end(), facility);
    if (found == facilities.end())
      value["facility"].error("\"" + facility + "\" is no facility, such as audit, auth or local0 to local7");
    else
      sink.facility = static_cast<unsigned>(found - facilities.begin());
  }
  value["app_name"].read(sink.app_name);
  const bool printable =
      std::all_of(sink.app_name.begin(), sink.app_name.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (sink.app_name.empty() || sink.app_name.size() > 48 || !printable)
    value["app_name"].error("must be 1 to 48 printable ASCII characters without blanks");
}

void read_headers(const Value& value, AuditSink& sink) {
  value.each_entry([&sink](const std::string& name, const Value& entry) {
    std::string text;
    entry.read(text);
    entry.hide();
    if (name.find_first_not_of(of_names) != std::string::npos) entry.error("is no name of a header");
    if (has_controls(text)) entry.error("has control characters");
    sink.headers[name] = text;
  });
}

void check_url(const Value& value, const AuditSink& sink) {
  if (value.purpose() == Purpose::judge) return;  // secrets are not read
  if (sink.url.empty()) return value.error("needs url, url_file, url_env or url_credential");
  // The text itself may hold a key and must not be in a message.
  if (!sink.url.starts_with("https://") && !is_loopback_url(sink.url))
    value.error("the url must be https; http is for this machine alone");
  if (has_controls(sink.url) || sink.url.find(' ') != std::string::npos) value.error("the url has blanks in it");
}

void read_http(const Value& value, AuditSink& sink) {
  std::size_t shape = 0;
  value["shape"].read_word({"json_lines", "splunk_hec", "loki", "elasticsearch_bulk", "otlp_logs", "otlp_traces"},
                           shape);
  sink.shape = static_cast<SinkShape>(shape);
  value.read_secret("url", sink.url, false);
  check_url(value, sink);
  value.read_secret("token", sink.token, true);
  if (has_controls(sink.token)) value.error("the token has control characters");
  if (!sink.token.empty() && !sink.user.empty()) value.error("give token, or user and password");
  read_headers(value["headers"], sink);
  value["index"].read(sink.index);
  const bool indexed = sink.shape == SinkShape::splunk_hec || sink.shape == SinkShape::elasticsearch_bulk;
  if (value["index"].present() && !indexed) value["index"].error("is for splunk_hec and elasticsearch_bulk only");
  if (sink.shape == SinkShape::elasticsearch_bulk && sink.index.empty())
    value.error("needs index, the index or data stream that records go to");
  value["gzip"].read(sink.gzip);
  if (value["sample_ratio"].present() && sink.shape != SinkShape::otlp_traces)
    value["sample_ratio"].error("is for otlp_traces only");
  value["sample_ratio"].read_decimal(sink.sample_ratio, 1);
}

void read_kafka(const Value& value, AuditSink& sink) {
  value["brokers"].read(sink.brokers);
  if (sink.brokers.empty()) value.error("needs brokers, a list of host:port");
  for (const std::string& broker : sink.brokers)
    if (broker.empty() || broker.find_first_of(", ") != std::string::npos)
      value["brokers"].error("\"" + broker + "\" is not host:port");
  value["topic"].read(sink.topic);
  if (sink.topic.empty()) value.error("needs topic");
  value["options"].each_entry([&sink](const std::string& name, const Value& entry) {
    std::string text;
    entry.read(text);
    if (std::find(fixed_options.begin(), fixed_options.end(), name) != fixed_options.end())
      entry.error("is set by dbgate: records stay whole and in their order");
    if (name.find("password") != std::string::npos || name.find("secret") != std::string::npos)
      entry.error("is a secret: use password_file, or a file that the option for it names");
    sink.options[name] = text;
  });
  if (sink.options.count("security.protocol") == 0 &&
      std::any_of(sink.brokers.begin(), sink.brokers.end(),
                  [](const std::string& at) { return !is_loopback(at.substr(0, at.rfind(':'))); }))
    value.warn("records, with the text of statements, cross the network in clear; set options security.protocol");
}

void read_lag(const Value& value, AuditSink& sink) {
  value["max_lag_bytes"].read_bytes(sink.max_lag_bytes);
  value["max_lag_time"].read(sink.max_lag_time);
  std::size_t on_lag = 0;
  value["on_lag"].read_word({"refuse", "gap"}, on_lag);
  sink.on_lag = static_cast<OnLag>(on_lag);
  std::size_t start_at = 0;
  value["start_at"].read_word({"beginning", "end"}, start_at);
  sink.from_now = start_at == 1;
  value["batch_records"].read_count(sink.batch_records, most_records);
  if (sink.batch_records == 0) value["batch_records"].error("must be at least 1");
  value["batch_bytes"].read_bytes(sink.batch_bytes);
  if (sink.batch_bytes < least_bytes || sink.batch_bytes > most_bytes)
    value["batch_bytes"].error("must be from 64KiB to 64MiB");
  const auto at_least = [&value](const char* key, bool fine, const char* words) {
    if (value[key].present() && !fine) value[key].error(words);
  };
  at_least("max_lag_bytes", sink.max_lag_bytes >= least_bytes, "must be at least 64KiB");
  at_least("max_lag_time", sink.max_lag_time >= Milliseconds(1'000), "must be at least 1s");
}

void check_name(const Value& value, const AuditSink& sink) {
  if (sink.name.empty()) return value.error("needs a name");
  if (sink.name.size() > 32 || sink.name.find_first_not_of(of_names) != std::string::npos)
    value["name"].error("must be 1 to 32 letters, digits, _ and -: it names a file");
  if (sink.name == "file") value["name"].error("is what metrics call the log itself: choose another");
}

AuditSink read_sink(const Value& value) {
  value.expect_keys({"name",
                     "type",
                     "max_lag_bytes",
                     "max_lag_time",
                     "on_lag",
                     "path",
                     "address",
                     "transport",
                     "facility",
                     "app_name",
                     "shape",
                     "url",
                     "url_file",
                     "url_env",
                     "url_credential",
                     "token",
                     "token_file",
                     "token_env",
                     "token_credential",
                     "headers",
                     "index",
                     "gzip",
                     "sample_ratio",
                     "user",
                     "password",
                     "password_file",
                     "password_env",
                     "password_credential",
                     "ca_file",
                     "timeout",
                     "brokers",
                     "topic",
                     "options",
                     "start_at",
                     "batch_records",
                     "batch_bytes"});
  AuditSink sink;
  value["name"].read(sink.name);
  check_name(value, sink);
  if (!value["type"].present()) value.error("needs type: file, syslog, http or kafka");
  std::size_t type = 0;
  value["type"].read_word({"file", "syslog", "http", "kafka"}, type);
  sink.type = static_cast<SinkType>(type);
  check_members(value, sink.type);
  read_lag(value, sink);
  value["user"].read(sink.user);
  value.read_secret("password", sink.password, true);
  value["ca_file"].read_file_path(sink.ca_file);
  value["timeout"].read(sink.timeout);
  if (sink.timeout < shortest || sink.timeout > longest) value["timeout"].error("must be from 100ms to 5m");
  constexpr std::array<void (*)(const Value&, AuditSink&), 4> readers = {read_file, read_syslog, read_http, read_kafka};
  readers[type](value, sink);
  return sink;
}

}  // namespace

void read_audit_sinks(const Value& list, std::vector<AuditSink>& sinks) {
  std::set<std::string> seen;
  list.each([&](const Value& value) {
    AuditSink sink = read_sink(value);
    if (!sink.name.empty() && !seen.insert(sink.name).second)
      value["name"].error("\"" + sink.name + "\" is defined twice");
    sinks.push_back(std::move(sink));
  });
  if (sinks.size() > most_sinks) list.error("there are more than 16");
}

}  // namespace dbgate::config
