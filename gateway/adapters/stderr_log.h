#pragma once
#include <memory>
#include <string>

#include "gateway/base/log.h"

namespace dbgate::adapters {

/// Log lines on standard error: one JSON object a line, or text for people.
std::unique_ptr<log::Sink> make_stderr_log(bool json);
log::Level level_named(const std::string& name);

}  // namespace dbgate::adapters
