#include "gateway/adapters/curl_fetches.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/unit/adapters/one_answer.h"

namespace dbgate::adapters {
namespace {

using ports::HttpFetched;
using Fault = HttpFetched::Fault;
using std::chrono::milliseconds;

constexpr milliseconds plenty{60'000};

std::future<HttpFetched> start(ports::HttpFetches& fetches, const std::string& url, milliseconds whole = plenty,
                               std::size_t bytes = 1'000, milliseconds delay = milliseconds(0)) {
  ports::HttpRequest request;
  request.method = "POST";
  request.url = url;
  request.headers = {{"X-Test", "yes"}};
  request.body = "a=b";
  const auto promise = std::make_shared<std::promise<HttpFetched>>();
  fetches.start(std::move(request), {delay, whole, bytes},
                [promise](HttpFetched fetched) { promise->set_value(std::move(fetched)); });
  return promise->get_future();
}

TEST(CurlFetches, AskAndAnswer) {
  OneAnswer server("HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nX-Empty:\r\nContent-Length: 2\r\n\r\nno");
  const auto fetches = make_curl_fetches();
  const HttpFetched fetched = start(*fetches, server.url()).get();
  EXPECT_EQ(fetched.fault, Fault::none);
  EXPECT_EQ(fetched.response.status, 429u);
  EXPECT_EQ(fetched.response.body, "no");
  const std::pair<std::string, std::string> header = {"retry-after", "7"};
  EXPECT_EQ(fetched.response.headers.at(0), header);
  EXPECT_TRUE(server.request().starts_with("POST /secret-path HTTP/1.1\r\n")) << server.request();
}

TEST(CurlFetches, ManyAtOnce) {
  const auto fetches = make_curl_fetches();
  std::vector<std::unique_ptr<OneAnswer>> servers;
  std::vector<std::future<HttpFetched>> answers;
  for (int i = 0; i < 40; ++i) {
    const std::string body = std::to_string(i);
    servers.push_back(std::make_unique<OneAnswer>("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                                                  "\r\n\r\n" + body));
    answers.push_back(start(*fetches, servers.back()->url(), plenty, 1'000, milliseconds(i % 3)));
  }
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i].get().response.body, std::to_string(i));
}

TEST(CurlFetches, BoundSizeAndTime) {
  const auto fetches = make_curl_fetches();
  OneAnswer announced("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'));
  EXPECT_EQ(start(*fetches, announced.url()).get().fault, Fault::too_long);
  OneAnswer silent_about_it("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'));
  EXPECT_EQ(start(*fetches, silent_about_it.url()).get().fault, Fault::too_long);
  OneAnswer says_nothing("");
  EXPECT_EQ(start(*fetches, says_nothing.url(), milliseconds(200)).get().fault, Fault::timeout);
  OneAnswer breaks_off("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  EXPECT_EQ(start(*fetches, breaks_off.url()).get().fault, Fault::unreachable);
}

TEST(CurlFetches, BadUrlsAndPlainText) {
  const auto fetches = make_curl_fetches();
  for (const char* url : {"http://192.0.2.1/", "file:///etc/passwd", "", "ftp://127.0.0.1/"})
    EXPECT_EQ(start(*fetches, url).get().fault, Fault::bad_url) << url;
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  std::string url = server.url();
  url.replace(0, 4, "https");
  EXPECT_NE(start(*fetches, url, milliseconds(300)).get().fault, Fault::none);
}

TEST(CurlFetches, WhatIsOpenAtTheEndIsStopped) {
  auto fetches = make_curl_fetches();
  OneAnswer says_nothing("");
  auto open = start(*fetches, says_nothing.url());
  auto later = start(*fetches, says_nothing.url(), plenty, 1'000, plenty);
  std::promise<HttpFetched> again;
  ports::HttpFetches& all = *fetches;
  ports::HttpRequest request;
  request.url = "http://127.0.0.1:1/";
  all.start(request, {plenty, plenty, 1'000}, [&](const HttpFetched&) {
    all.start(request, {}, [&again](HttpFetched fetched) { again.set_value(std::move(fetched)); });
  });
  fetches.reset();
  EXPECT_EQ(open.get().fault, Fault::stopped);
  EXPECT_EQ(later.get().fault, Fault::stopped);
  EXPECT_EQ(again.get_future().get().fault, Fault::stopped);
}

}  // namespace
}  // namespace dbgate::adapters
