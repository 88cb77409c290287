#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace dbgate::config {

enum class WitnessType : std::uint8_t {
  file,
  http,
  gateway  ///< the others on the store
};

/// Somebody outside who keeps checkpoints of the audit log.
struct AuditWitness {
  std::string name;
  WitnessType type = WitnessType::file;
  std::chrono::milliseconds interval{60'000};  ///< between two checkpoints of a chain that it is given
  std::string path;                            ///< file
  std::string url;                             ///< http; may be a secret
  bool plain = false;                          ///< http: checkpoints are posted as they are, nothing is signed
  std::string token;
  std::string key;                            ///< verifier key of its cosignatures; empty: they are not checked
  std::string ca_file;                        ///< empty: the system's
  std::chrono::milliseconds timeout{10'000};  ///< of one attempt
};

}  // namespace dbgate::config
