#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "gateway/base/error.h"

namespace dbgate::ports {

/// A record of the audit log on its way to somebody else.
struct SinkRecord {
  std::string_view chain;
  std::uint64_t sequence = 0;  ///< in its chain
  std::string_view line;       ///< as it stands in the log, without its newline
};

/// What came of one attempt.
struct Delivery {
  std::size_t delivered = 0;  ///< records at the front that the receiver has
  std::string why;            ///< what was wrong with the next one; empty: nothing. Without secrets and SQL text
  bool rejected = false;      ///< the receiver is there, and will never take that record
  std::chrono::milliseconds retry_after{0};  ///< what the receiver asked for; 0: nothing
};

/// Somebody who gets a copy of the audit log. Used by one thread, which it may keep waiting.
///
/// A record may come again, after a failure or a crash: it has the same `id` then. Records of one chain come in their
/// order.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  /// Sends records, at least one, and waits until the receiver has them. What was not delivered comes again with the
  /// next call, maybe with more behind it, or never again if the log says so.
  virtual Delivery send(std::span<const SinkRecord> records, const std::stop_token& stop) = 0;
  /// What was delivered is about to count as such, and is not sent again. Also called once a second while there is
  /// nothing to send. Errors: it cannot be relied on yet.
  virtual Result<> settle(const std::stop_token&) { return boost::system::in_place_value; }
  /// Lets go of files that may have been renamed. Any thread.
  virtual void reopen() noexcept {}
};

}  // namespace dbgate::ports
