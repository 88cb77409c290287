#pragma once
#include <cstddef>
#include <string>

namespace dbgate::auth {

/// Bytes from OpenSSL's generator. The process stops if there is no randomness: nothing here would be safe without.
std::string random_bytes(std::size_t count);

}  // namespace dbgate::auth
