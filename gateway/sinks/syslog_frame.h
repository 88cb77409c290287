#pragma once
#include <string>
#include <string_view>

#include "gateway/ports/audit_sink.h"

namespace dbgate::sinks {

/// What all messages of one process have in common.
struct SyslogOrigin {
  unsigned facility = 13;
  std::string host;
  std::string app_name;
};

/// Adds a record to a stream as RFC 5425 and RFC 6587 frame messages: their length in octets, a space, the message.
///
/// Layout (RFC 5424): `<PRI>1 TIME HOST APP CHAIN EVENT [origin software="dbgate"] LINE`. The severity is 6; whatever a
/// record says, the message is whole.
void append_syslog(std::string& out, const SyslogOrigin& origin, const ports::SinkRecord& record);

/// A name as RFC 5424 allows it in a header: printable ASCII without blanks, no longer than `most`; "-" if nothing is
/// left.
std::string syslog_name(std::string_view name, std::size_t most);

}  // namespace dbgate::sinks
