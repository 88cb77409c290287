#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/audit/chain.h"
#include "gateway/base/error.h"
#include "gateway/telemetry/audit_counters.h"

namespace dbgate::ports {

/// How often a chain is committed to.
enum class Pace : std::uint8_t {
  rare,   ///< commit() brings records to where readers of the log look for them
  steady  ///< many times a second: write_out() does, and has to be called now and then
};

/// One hash chain of the audit log. Used by one thread; nothing here waits for a disk but for the writes of commit()
/// and write_out().
class AuditChain {
 public:
  using Ticket = std::uint64_t;
  virtual ~AuditChain() = default;

  /// Adds a record to what the next commit() accepts. `fields` as audit/records.h renders them.
  /// Errors: 58030 while the log cannot be written; then nothing may be forwarded.
  virtual Result<> append(std::string_view event, std::string_view fields) = 0;
  /// What many records of this chain will begin with.
  virtual audit::RecordStart start_of(std::string_view event, std::string_view fields) const {
    return {"", event, fields};
  }
  /// As append(), with what start_of() has given in front of `fields`.
  virtual Result<> append_from(const audit::RecordStart& start, std::string_view fields) {
    return append(start.event(), std::string(start.fields()).append(fields));
  }
  /// The record that was appended last; views that the next call may end. Nothing: it is not known any more.
  virtual std::optional<audit::RecordName> last_record() const { return {}; }
  /// Keeps a large text under its content hash. @return the hash, in hexadecimal
  virtual Result<std::string> store_text(std::string_view text) = 0;
  /// Accepts all records that were appended. Afterwards they survive this process; when is_durable() says so of the
  /// ticket, also the machine. Errors: 58030.
  virtual Result<Ticket> commit() = 0;
  /// Commits, and brings what was accepted to where readers of the log look for it. Errors: 58030.
  virtual Result<> write_out() = 0;
  virtual bool is_durable(Ticket ticket) const = 0;
  /// Calls `done` once the ticket is durable or the log has failed, from another thread.
  virtual void when_durable(Ticket ticket, std::function<void()> done) = 0;
  /// Whether a commit alone is acceptance, or only durability.
  virtual bool sync_required() const = 0;
};

/// The whole log of one process.
class AuditLog {
 public:
  virtual ~AuditLog() = default;
  /// Opens the chain of one thread. Errors: 58030 naming the file.
  virtual Result<std::unique_ptr<AuditChain>> open_chain(const std::string& name, Pace pace) = 0;
  /// What each chain that was opened has taken. Any thread.
  virtual std::vector<std::shared_ptr<const telemetry::AuditCounters>> counters() const = 0;
};

}  // namespace dbgate::ports
