#pragma once
#include <memory>
#include <string>

#include "config/audit_sinks.h"
#include "gateway/ports/audit_sink.h"
#include "gateway/ports/http_fetches.h"

namespace dbgate::sinks {

/// A receiver of HTTP requests. @param fetches  outlives it. @param host  what this machine is called there
std::unique_ptr<ports::AuditSink> make_http_sink(const config::AuditSink& settings, ports::HttpFetches& fetches,
                                                 std::string host);

}  // namespace dbgate::sinks
