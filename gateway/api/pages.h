#pragma once
#include <string>
#include <string_view>

#include "gateway/api/exchange.h"
#include "gateway/api/router.h"

// What is served about the API itself, made from api/openapi.yaml and api/problems.yaml when dbgate is built.
namespace dbgate::api {

inline constexpr std::string_view docs_path = "/api/v1/docs";

/// A page in the style of the reference, around `main`, which is HTML.
std::string html_page(std::string_view title, const std::string& main);
/// The page as an answer: a Content-Security-Policy that allows its own style sheet and nothing else.
Response html_response(std::string page);

/// The OpenAPI file as JSON.
std::string_view openapi_json() noexcept;

Task<Response> show_openapi(Services& services, Request& request);
Task<Response> show_docs(Services& services, Request& request);
Task<Response> show_problem(Services& services, Request& request);

}  // namespace dbgate::api
