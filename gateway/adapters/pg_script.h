#pragma once
#include <chrono>
#include <string>

#include "config/schema.h"
#include "gateway/base/error.h"

namespace dbgate::adapters {

/// Runs statements without results as the gateway's account. Blocks for at most `limit`, and for name look-ups.
/// Errors: 08006, 57014; 55000 the server has refused a statement.
Result<> run_script(const config::Upstream& server, const std::string& database, const std::string& sql,
                    std::chrono::milliseconds limit);

}  // namespace dbgate::adapters
