#pragma once
#include <memory>
#include <string>

#include "gateway/ports/audit_log.h"

namespace dbgate::adapters {

struct FileAuditOptions {
  std::string directory;
  std::size_t segment_bytes = 256u << 20;
  bool sync = false;  ///< acceptance means fdatasync, which one flusher thread does for all chains together
};

/// The audit log as files: one sequence of segments for each chain, blobs/ for large texts, and a head for each chain
/// that notes its last record. The directory is locked against a second process. Segments are continued after a crash;
/// a line that was cut off is moved to <segment>.torn and noted by an audit.gap record.
Result<std::unique_ptr<ports::AuditLog>> open_file_audit(const FileAuditOptions& options);

}  // namespace dbgate::adapters
