#pragma once
#include <memory>
#include <optional>
#include <string>

#include "gateway/ports/checkpoint_witness.h"
#include "gateway/ports/http_client.h"
#include "gateway/proof/cosignature.h"

namespace dbgate::adapters {

struct HttpWitnessOptions {
  std::string url;                       ///< of a witness, what /add-checkpoint comes behind
  bool plain = false;                    ///< the checkpoint alone is posted to `url`, and any 2xx has taken it
  std::string token;                     ///< sent as Bearer; empty: none
  std::string ca_file;                   ///< empty: the system's
  std::optional<proof::Cosigner> key{};  ///< whose cosignature it must answer with; none: any
};

/// A witness of transparency logs (c2sp.org/tlog-witness), which signs what it has checked. It has the last checkpoint;
/// nothing is kept here. @param directory  of the log
std::unique_ptr<ports::CheckpointWitness> make_http_witness(HttpWitnessOptions options, std::string directory,
                                                            std::unique_ptr<ports::HttpClient> http);

}  // namespace dbgate::adapters
