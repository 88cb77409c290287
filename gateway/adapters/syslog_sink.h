#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "gateway/ports/audit_sink.h"

namespace dbgate::adapters {

struct SyslogReceiver {
  std::string host;
  std::string port;
  bool tls = true;                            ///< RFC 5425; its certificate and name are verified
  std::string ca_file;                        ///< trusted certificates; empty: the system's
  std::chrono::milliseconds timeout{10'000};  ///< of a connection, and of a batch
};

/// Adds a record to a stream of messages.
using AppendFrame = std::function<void(std::string& out, const ports::SinkRecord& record)>;

/// Messages over TCP or TLS. Syslog has no answers: a record counts as delivered once the receiver's system has
/// acknowledged its bytes. When a connection breaks, the messages of the last minute (4 MiB at most) are sent again
/// over the next one, as nobody knows which of them were read.
std::unique_ptr<ports::AuditSink> make_syslog_sink(const SyslogReceiver& receiver, AppendFrame append);

}  // namespace dbgate::adapters
