#pragma once
#include <atomic>
#include <cstdint>
#include <string>

#include "gateway/audit/envelope.h"

namespace dbgate::adapters {

/// Keeps a segment that is closed, with the texts that it names, for whoever has the private key of a recipient
/// (audit/sealed_segment.h). The segment itself stays.
/// @param stop  looked at now and then. @return SHA-256 of the file, as it is on the disk, in hexadecimal
/// Errors: 58030; XX001 the segment is damaged, or a text is missing; 57014 stopped.
Result<std::string> seal_segment(const std::string& directory, const std::string& chain, std::uint64_t number,
                                 const audit::Recipients& recipients, const std::atomic<bool>& stop);

}  // namespace dbgate::adapters
