#pragma once
#include <memory>

#include "gateway/ports/jose.h"

namespace dbgate::adapters {

/// Signed JSON by libcjose. Stateless.
std::unique_ptr<ports::Jose> make_cjose();

}  // namespace dbgate::adapters
