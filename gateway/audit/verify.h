#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/audit/segment.h"

namespace dbgate::audit {

/// What somebody vouches for that retention has removed of a chain.
struct Removed {
  std::uint64_t records = 0;  ///< its first ones
  std::string last_hash;      ///< of the last of them, in hexadecimal
  std::uint64_t segment = 0;  ///< the last segment that was removed
};
/// What is removed of a chain by now; without a value: nothing, or nobody vouches for it.
using RemovedNow = std::function<std::optional<Removed>(const std::string& chain)>;

/// What an offline check of a log directory found.
struct VerifyReport {
  std::uint64_t records = 0;
  std::uint64_t chains = 0;
  std::uint64_t segments = 0;
  std::vector<std::string> problems;  ///< "audit-w0-000001.jsonl:17: …", in the order found; empty: the log is whole
  /// What was removed, in the words of an auditor's report; each is on record in the log itself.
  std::vector<std::string> removed;
  std::uint64_t in_flight = 0;  ///< statements decided, without an outcome: running when the log ends
};

/// A record that verification has come by, as it stands there.
struct SeenRecord {
  std::string_view chain;
  std::uint64_t sequence = 0;
  std::string_view hash;   ///< its own, in hexadecimal
  std::string_view place;  ///< "audit-w0-000001.jsonl:17"
};

/// Proves that every record is unchanged and in place, that segments follow one another, that the last record is not
/// older than the head that was noted beside it, and that every text stored apart is there and unchanged.
///
/// @param seen  told of every line that is a record, in the order of its chain
/// @param removed  chains may begin behind that, where a record of the log says so as well. Asked before a chain is
/// read,
///                 and again where segments go meanwhile
VerifyReport verify_directory(const std::string& directory, const std::function<void(const SeenRecord&)>& seen = {},
                              const RemovedNow& removed = {});

/// Behind the name of a stored text while it is asked whether any record names it (adapters/blob_sweep.h).
inline constexpr std::string_view leaving_text = ".leaving";

/// The text of a member that dbgate itself writes, as it stands in a line; empty: there is none. Of texts that others
/// choose nothing can be taken for it.
std::string_view member_of(std::string_view line, std::string_view key);

/// The event that says what retention removes, and the chain that has these records: they stay.
inline constexpr std::string_view retention_event = "audit.retention";
inline constexpr std::string_view retention_chain = "retention";
/// Also that of a process beside others: `retention.1`.
bool is_retention_chain(std::string_view chain);

/// The note beside a chain of its last record: audit-<chain>.head, `<sequence> <hash>`. A crash leaves it behind the
/// log, never before it.
struct Head {
  bool valid = false;
  std::uint64_t sequence = 0;
  std::string hash;
};
Head read_head(const std::string& path);

}  // namespace dbgate::audit
