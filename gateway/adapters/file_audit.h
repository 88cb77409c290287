#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "gateway/adapters/posix_file.h"
#include "gateway/ports/audit_log.h"

namespace dbgate::adapters {

struct FileAuditOptions {
  std::string directory;
  std::size_t segment_bytes = 256u << 20;
  std::chrono::milliseconds segment_max_age{0};  ///< since its first record; 0: any
  bool sync = false;  ///< acceptance means fdatasync, which one flusher thread does for all chains together
  /// Which file is locked. Another name than a gateway's is for a program that may run beside one: it opens no chain
  /// that the other has, and leaves what the other's crashes have left.
  std::string lock_name = own_lock;
  std::shared_ptr<const File> lock;  ///< one that is held already; null: it is taken
  /// Whether the process that has handed over its lock still writes there: its tails are left to it.
  bool shares = false;
  /// Behind the name of each chain, so that the two are told apart.
  std::string chain_suffix;

  static constexpr const char* own_lock = "lock";
};

/// The lock of a directory, which is created. Errors: 58030; also if another process holds it.
Result<std::shared_ptr<const File>> lock_file_audit(const FileAuditOptions& options);

/// The audit log as files: one sequence of segments for each chain, blobs/ for large texts, and a head for each chain
/// that notes its last record. The directory is locked against a second process. Segments are continued after a crash;
/// a line that was cut off is moved to <segment>.torn and noted by an audit.gap record.
Result<std::unique_ptr<ports::AuditLog>> open_file_audit(const FileAuditOptions& options);

}  // namespace dbgate::adapters
