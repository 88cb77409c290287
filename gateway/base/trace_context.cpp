#include "gateway/base/trace_context.h"

#include <algorithm>

#include "gateway/base/hex.h"
#include "gateway/base/keyed_hash.h"

namespace dbgate {
namespace {

// Ids are no secrets: who knows a query id may know its span.
constexpr HashKey of_spans{0, 1};
constexpr HashKey of_traces{0, 2};
constexpr HashKey of_traces_too{0, 3};

bool is_hex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Neither a trace nor a span has an id of zeros.
bool is_id(std::string_view text) noexcept {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

std::string id_of(const HashKey& key, std::string_view text) {
  std::uint64_t hash = sip_hash(key, text, 2, 4);
  if (hash == 0) hash = 1;
  std::string raw(sizeof hash, '\0');
  for (char& byte : raw) {
    byte = static_cast<char>(hash >> 56);
    hash <<= 8;
  }
  return to_hex(raw);
}

}  // namespace

TraceContext parse_traceparent(std::string_view text) {
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return {};
  const std::string_view trace_id = text.substr(3, 32);
  const std::string_view parent_id = text.substr(36, 16);
  const std::string_view flags = text.substr(53);
  if (text.substr(0, 2) != "00" || !is_id(trace_id) || !is_id(parent_id) || !is_hex(flags)) return {};
  return {std::string(trace_id), std::string(parent_id), ((flags[1] - (flags[1] >= 'a' ? 'a' - 10 : '0')) & 1) != 0};
}

std::string traceparent_of(const TraceContext& trace) {
  if (trace.trace_id.empty()) return {};
  return "00-" + trace.trace_id + "-" + trace.parent_id + (trace.sampled ? "-01" : "-00");
}

std::string span_id_of(std::string_view query_id) {
  return id_of(of_spans, query_id);
}

std::string trace_id_of(std::string_view query_id) {
  return id_of(of_traces, query_id) + id_of(of_traces_too, query_id);
}

}  // namespace dbgate
