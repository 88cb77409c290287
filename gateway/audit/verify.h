#pragma once
#include <cstdint>
#include <string>
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

/// Proves that every record is unchanged and in place, that segments follow one another, that the last record is not
/// older than the head that was noted beside it, and that every text stored apart is there and unchanged.
VerifyReport verify_directory(const std::string& directory);

/// The segments of a directory, by chain and number: audit-<chain>-<number>.jsonl.
struct SegmentFile {
  std::string path;
  std::string chain;
  std::uint64_t number = 0;
};
std::vector<SegmentFile> list_segments(const std::string& directory);

/// The note beside a chain of its last record: audit-<chain>.head, `<sequence> <hash>`. A crash leaves it behind the
/// log, never before it.
struct Head {
  bool valid = false;
  std::uint64_t sequence = 0;
  std::string hash;
};
Head read_head(const std::string& path);

}  // namespace dbgate::audit
