#pragma once
#include <string>

#include "cli/http/http_client.h"

// What --debug shows on standard error: requests and answers, with secrets masked.
namespace dbgate::cli {

void trace_request(const Options& options, const HttpRequest& request);
/// Of the body, only problems are shown: data is what the command prints anyway.
void trace_answer(const Options& options, const HttpAnswer& answer);
void trace(const Options& options, const std::string& what);

/// A JSON body or form with the values of secret members replaced by ***; what cannot be read is left out.
std::string masked_body(const std::string& content_type, const std::string& body);

}  // namespace dbgate::cli
