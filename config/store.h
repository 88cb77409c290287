#pragma once
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace dbgate::config {

/// Where identities, targets and policies that are managed at run time are kept.
struct Store {
  std::string url;  ///< "sqlite:/path" or "postgresql://…"
  std::string password;
  std::chrono::milliseconds timeout{5'000};  ///< of one operation
  std::size_t connections = 8;               ///< postgresql only
  bool shared() const noexcept { return !url.starts_with("sqlite:"); }
};

/// A key that protects the secrets of the store.
struct EncryptionKey {
  std::string id;
  std::string key;  ///< 64 hexadecimal digits
};

}  // namespace dbgate::config
