#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/audit/chain.h"
#include "gateway/base/error.h"
#include "gateway/base/ids.h"
#include "gateway/session/expected.h"
#include "gateway/session/judge.h"

namespace dbgate::session {

struct SessionInfo;

/// Is told of a session's decisions when they have been recorded. Called on the session's thread.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void decided(const Judged& judged, std::string_view query_id) = 0;
  /// Others are asked whether a statement may run. @param waits  it waits for them; else it is refused until then
  virtual void asked(std::string_view /*approval*/, bool /*waits*/) {}
};

/// How one session writes its audit records. The records of a batch are announced first and accepted together before
/// anything of the batch is forwarded.
class Trail {
 public:
  virtual ~Trail() = default;

  /// Records a decision. @return the query id that its outcome will carry. Errors: the log cannot take it; the
  /// statement must not be forwarded.
  virtual Result<Id> decided(const Judged& judged, std::string_view text, std::string_view protocol,
                             std::string_view name) = 0;
  /// Records what became of a statement that was forwarded. `sqlstate` is 00000 for success, empty if it was
  /// skipped because of an earlier error in its pipeline.
  virtual void done(const Run& run, std::string_view sqlstate) = 0;
  /// By what the decision is known that was recorded last, until anything else is recorded. Nothing: no log has it.
  virtual std::optional<audit::RecordName> last_record() const { return {}; }
  /// How many decisions were recorded so far.
  virtual std::uint64_t decisions() const noexcept { return 0; }
  /// Another server serves the session from here on: the records of what comes name it.
  virtual void moved(const SessionInfo& /*session*/) {}
  /// The session is over.
  virtual void ended(std::string_view reason, std::uint64_t bytes_from_client, std::uint64_t bytes_to_client) = 0;
};

}  // namespace dbgate::session
