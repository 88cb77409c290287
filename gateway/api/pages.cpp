#include "gateway/api/pages.h"

#include <openssl/evp.h>

#include <initializer_list>

#include "gateway/api/etag.h"
#include "gateway/api/problem.h"
#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

std::string joined(std::initializer_list<std::string_view> pieces) {
  std::string text;
  for (const std::string_view piece : pieces)
    text += piece;
  return text;
}

const std::string openapi_text = joined({
#include "openapi_json.inc"
});
const std::string reference_main = joined({
#include "reference_html.inc"
});
const std::string style_sheet = joined({
#include "style_css.inc"
});

std::string base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  return text;
}

const std::string& page_policy() {
  static const std::string policy = "default-src 'none'; style-src 'sha256-" + base64(sha256(style_sheet)) +
                                    "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return policy;
}

// May be kept, but is asked about each time: the next version of the gateway has another one.
Response kept(Response response) {
  response.etag = etag_of(response.body);
  response.headers.set("Cache-Control", "no-cache");
  return response;
}

}  // namespace

std::string html_page(std::string_view title, const std::string& main) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         escape_html(title) + " · dbgate API</title>\n<style>" + style_sheet + "</style>\n</head>\n<body>\n" + main +
         "</body>\n</html>\n";
}

Response html_response(std::string page) {
  Response response;
  response.body = std::move(page);
  response.content_type = "text/html; charset=utf-8";
  response.headers.set("Content-Security-Policy", page_policy());
  return response;
}

std::string_view openapi_json() noexcept {
  return openapi_text;
}

Task<Response> show_openapi(Services& /*services*/, Request& /*request*/) {
  co_return kept(json_response(openapi_text));
}

Task<Response> show_docs(Services& /*services*/, Request& /*request*/) {
  static const std::string page = html_page("Reference", reference_main);
  co_return kept(html_response(page));
}

Task<Response> show_problem(Services& /*services*/, Request& request) {
  std::string page = problem_page(request.parameter("code"));
  if (page.empty()) co_return problem(request, "not_found", "there is no problem of this code");
  co_return kept(html_response(std::move(page)));
}

}  // namespace dbgate::api
