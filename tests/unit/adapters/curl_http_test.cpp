#include "gateway/adapters/curl_http.h"

#include <gtest/gtest.h>

#include "tests/unit/adapters/one_answer.h"

namespace dbgate::adapters {
namespace {

ports::HttpRequest get(const std::string& url) {
  ports::HttpRequest request;
  request.url = url;
  return request;
}

TEST(CurlHttp, AsksAndAnswers) {
  OneAnswer server("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  ports::HttpRequest request = get(server.url());
  request.method = "POST";
  request.headers = {{"Accept", "application/json"}};
  request.body = "a=b";
  const auto response = make_curl_http()->send(request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 403u);
  EXPECT_EQ(response->body, "no");
  EXPECT_TRUE(server.request().starts_with("POST /secret-path HTTP/1.1\r\n")) << server.request();
  EXPECT_NE(server.request().find("Accept: application/json\r\n"), std::string::npos);
}

TEST(CurlHttp, IsBrokenOff) {
  OneAnswer server("");  // which would say nothing for as long as one waits
  ports::HttpRequest request = get(server.url());
  std::stop_source stop;
  request.stop = stop.get_token();
  stop.request_stop();
  const auto response =
      make_curl_http({.connect = std::chrono::hours(1), .whole = std::chrono::hours(1)})->send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), sqlstate::query_canceled);
  EXPECT_EQ(response.error().message().find("secret-path"), std::string::npos);
}

TEST(CurlHttp, DoesNotFollowRedirects) {
  OneAnswer other("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  OneAnswer server("HTTP/1.1 302 Found\r\nLocation: " + other.url() + "\r\nContent-Length: 0\r\n\r\n");
  const auto response = make_curl_http()->send(get(server.url()));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302u);
  EXPECT_EQ(other.request(), "");
}

TEST(CurlHttp, PlainHttpToThisMachineAlone) {
  const auto http = make_curl_http();
  for (const char* url : {"http://192.0.2.1/", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/",
                          "ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1", "", "http://", "dict://127.0.0.1/",
                          "http://0x7f000001.evil.example/", "gopher://localhost/"}) {
    const auto refused = http->send(get(url));
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().code(), sqlstate::invalid_parameter_value) << url;
  }
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(http->send(get(server.url("localhost"))));
}

TEST(CurlHttp, BoundsSizeAndTime) {
  const auto http = make_curl_http({std::chrono::milliseconds(2000), std::chrono::milliseconds(300), 1000});
  OneAnswer announced("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'));
  EXPECT_FALSE(http->send(get(announced.url())));
  OneAnswer silent_about_it("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'));
  EXPECT_FALSE(http->send(get(silent_about_it.url())));
  OneAnswer just_fits("HTTP/1.1 200 OK\r\n\r\n" + std::string(1000, 'x'));
  EXPECT_EQ(http->send(get(just_fits.url()))->body.size(), 1000u);
  OneAnswer says_nothing("");
  const auto late = http->send(get(says_nothing.url()));
  ASSERT_FALSE(late);
  const Error why = late.error();
  EXPECT_EQ(why.code(), sqlstate::connection_failure);
  EXPECT_EQ(why.message(), "127.0.0.1 cannot be asked: it does not answer in time");
}

TEST(CurlHttp, NobodyThere) {
  std::string url;
  {
    const OneAnswer server("");
    url = server.url();
  }
  const auto refused = make_curl_http()->send(get(url));
  ASSERT_FALSE(refused);
  const Error why = refused.error();
  EXPECT_EQ(why.code(), sqlstate::connection_failure);
  EXPECT_EQ(why.message().find("secret"), std::string::npos);
}

// Certificates: tests/integration/oidc_test.py.
TEST(CurlHttp, PlainTextWhereTlsIsWanted) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  std::string url = server.url();
  url.replace(0, 4, "https");
  const auto http = make_curl_http({std::chrono::milliseconds(2000), std::chrono::milliseconds(300), 1000});
  EXPECT_FALSE(http->send(get(url)));
}

}  // namespace
}  // namespace dbgate::adapters
