#pragma once
#include <memory>
#include <string>

#include "gateway/ports/block_index.h"

namespace dbgate::adapters {

/// The index of the audit log in a file of SQLite's. Who writes makes the file; the log can make it again, so it is not
/// flushed with every block.
Result<std::unique_ptr<ports::BlockIndex>> open_block_index(const std::string& path, bool to_write);
/// Takes the files away, whatever they are.
void remove_block_index(const std::string& path);

}  // namespace dbgate::adapters
