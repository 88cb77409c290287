#pragma once
#include <string>
#include <string_view>

namespace dbgate {

/// Whose part of which trace a request or a statement is (W3C Trace Context); empty: nobody has said.
struct TraceContext {
  std::string trace_id;   ///< 32 hexadecimal digits
  std::string parent_id;  ///< 16 hexadecimal digits: the caller's span
  bool sampled = false;   ///< the caller records its part

  bool operator==(const TraceContext&) const = default;
};

/// Of "00-<trace id>-<parent id>-<flags>" (W3C Trace Context §3.2); empty if it is anything else.
TraceContext parse_traceparent(std::string_view text);

/// The same as text; empty of an empty one.
std::string traceparent_of(const TraceContext& trace);

/// The span of one statement, 16 hexadecimal digits: always the same, so that it is one however often it is told.
/// @param query_id  "qry_…"
std::string span_id_of(std::string_view query_id);
/// The trace of a statement that is part of nobody's, 32 hexadecimal digits.
std::string trace_id_of(std::string_view query_id);

}  // namespace dbgate
