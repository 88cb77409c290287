#pragma once
#include <memory>
#include <string>

#include "gateway/ports/audit_sink.h"

namespace dbgate::adapters {

/// Adds records to a file, a line each; also to a FIFO or what stands for standard output. A file that was renamed or
/// removed is let go of and made anew. A line that was cut off by a crash gets an end, and comes again whole.
std::unique_ptr<ports::AuditSink> make_line_file_sink(std::string path);

}  // namespace dbgate::adapters
