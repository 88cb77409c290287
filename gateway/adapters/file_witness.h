#pragma once
#include <memory>
#include <string>

#include "gateway/ports/checkpoint_witness.h"

namespace dbgate::adapters {

/// Adds checkpoints to a file, one behind the other, and flushes it: on another machine's disk, where administrators of
/// this one cannot write what is there already. What it has already is what the log has to lead to.
/// @param directory  of the log
std::unique_ptr<ports::CheckpointWitness> make_file_witness(std::string path, std::string directory);

}  // namespace dbgate::adapters
