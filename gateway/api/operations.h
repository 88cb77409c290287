#pragma once
#include <span>

#include "gateway/api/router.h"

namespace dbgate::api {

/// Everything the API serves. A test compares it with api/openapi.yaml, both ways.
std::span<const Operation> operations() noexcept;

}  // namespace dbgate::api
