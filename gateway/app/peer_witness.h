#pragma once
#include <memory>
#include <string>

#include "gateway/app/replicas.h"
#include "gateway/ports/checkpoint_witness.h"

namespace dbgate::app {

/// The other gateways on the store as witnesses: all that are there are given each checkpoint. @param replicas outlives
/// it; @param directory  of the log; @param key  the public half, in PEM, of who signs it
std::unique_ptr<ports::CheckpointWitness> make_peer_witness(Replicas& replicas, std::string directory, std::string key);

}  // namespace dbgate::app
