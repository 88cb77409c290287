#pragma once
#include <atomic>
#include <cstdint>
#include <string>

#include "gateway/base/error.h"

namespace dbgate::adapters {

/// Replaces a segment that is closed by its compressed form (audit/zstd_frames.h). The plain file goes when the other
/// is on the disk, was read again, and has every byte of it: whenever the process or the machine stops, one of both is
/// whole.
///
/// @param path  as audit::Segment takes it. @param stop  looked at now and then: the segment then stays as it is
/// @return bytes of the compressed file; 0: stopped, or nothing to do. Errors: 58030; XX001 what was written is not
/// what is read: the plain file stays
Result<std::uint64_t> compress_segment(const std::string& path, const std::atomic<bool>& stop);

/// Takes a segment away, in whatever form it is, with what a crash has cut off of it. Errors: 58030.
Result<> remove_segment(const std::string& path);

/// In bytes of the disk's files, of both forms where both are there.
std::uint64_t stored_bytes(const std::string& path);

}  // namespace dbgate::adapters
