#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::audit {

/// What an offline check of a log directory found.
struct VerifyReport {
  std::uint64_t records = 0;
  std::uint64_t chains = 0;
  std::uint64_t segments = 0;
  std::vector<std::string> problems;  ///< "audit-w0-000001.jsonl:17: …", in the order found; empty: the log is whole
  std::uint64_t in_flight = 0;        ///< statements decided, without an outcome: running when the log ends
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
VerifyReport verify_directory(const std::string& directory, const std::function<void(const SeenRecord&)>& seen = {});

/// The segments of a directory, by chain and number: audit-<chain>-<number>.jsonl.
struct SegmentFile {
  std::string path;
  std::string chain;
  std::uint64_t number = 0;
};
std::vector<SegmentFile> list_segments(const std::string& directory);
std::string segment_path(const std::string& directory, const std::string& chain, std::uint64_t number);

/// The note beside a chain of its last record: audit-<chain>.head, `<sequence> <hash>`. A crash leaves it behind the
/// log, never before it.
struct Head {
  bool valid = false;
  std::uint64_t sequence = 0;
  std::string hash;
};
Head read_head(const std::string& path);

}  // namespace dbgate::audit
