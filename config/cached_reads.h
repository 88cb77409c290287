#pragma once
#include <chrono>
#include <string>

// What of a policy's reads may be answered from memory.
namespace dbgate::config {

/// One entry of `cache`: results that read the relation may be so old. "*" stands for any schema but the system's, or
/// any relation.
struct CachedReads {
  std::string schema;
  std::string relation;
  std::chrono::milliseconds ttl{0};
};

}  // namespace dbgate::config
