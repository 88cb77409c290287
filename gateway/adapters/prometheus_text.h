#pragma once
#include <string>

#include "gateway/telemetry/families.h"

namespace dbgate::adapters {

/// The Content-Type of prometheus_text().
inline constexpr const char* prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// Families in Prometheus' text format, version 0.0.4. Durations are written in seconds.
std::string prometheus_text(const telemetry::Families& families);

}  // namespace dbgate::adapters
