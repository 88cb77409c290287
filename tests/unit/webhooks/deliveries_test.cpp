#include "gateway/webhooks/deliveries.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>

namespace dbgate::webhooks {
namespace {

using namespace std::chrono_literals;

/// Servers by their address: each answers by a list of statuses, the last one for good. 0: none can be reached; -1: it
/// says nothing until it is broken off, or released.
class FakeServers final : public ports::HttpClient {
 public:
  Result<ports::HttpResponse> send(const ports::HttpRequest& request) override {
    std::unique_lock lock(mutex_);
    sent_[request.url].push_back(request);
    changed_.notify_all();
    std::vector<int>& answers = answers_[request.url];
    const int answer = answers.empty() ? 200 : answers.front();
    if (answers.size() > 1) answers.erase(answers.begin());
    if (answer == -1) {
      const bool released = changed_.wait(lock, request.stop, [this] { return released_; });
      if (!released) return Error(sqlstate::query_canceled, "stopped");
      return ports::HttpResponse{200, ""};
    }
    if (answer == 0) return Error(sqlstate::connection_failure, "the host cannot be asked");
    return ports::HttpResponse{static_cast<unsigned>(answer), ""};
  }
  void answer(const std::string& url, std::vector<int> statuses) {
    const std::lock_guard lock(mutex_);
    answers_[url] = std::move(statuses);
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  std::vector<ports::HttpRequest> wait_for(const std::string& url, std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 60s, [&] { return sent_[url].size() >= count; })) << sent_[url].size();
    return sent_[url];
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool released_ = false;
  std::map<std::string, std::vector<int>> answers_;
  std::map<std::string, std::vector<ports::HttpRequest>> sent_;
};

config::Webhook hook(const std::string& name) {
  config::Webhook made;
  made.name = name;
  made.url = "https://" + name;
  made.secret = "0123456789abcdef";
  return made;
}

News news(const std::string& id, const std::string& event = "approval.requested") {
  News told{event, {}, 1};
  told.approval.id = id;
  return told;
}

constexpr Patience quick{.first = 1ms, .longest = 4ms, .at_most = 60s};

std::string field(const ports::HttpRequest& request, const std::string& name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return {};
}

bool is_about(const ports::HttpRequest& request, const std::string& id) {
  return request.body.find("\"" + id + "\"") != std::string::npos;
}

TEST(Deliveries, AreSignedAndInOrder) {
  FakeServers servers;
  Deliveries deliveries(servers, quick);
  deliveries.configure({hook("a")}, "");
  deliveries.tell(news("apr_1"));
  deliveries.tell(news("apr_2", "approval.ended"));  // that is not asked for
  deliveries.tell(news("apr_3", "approval.decided"));
  const auto sent = servers.wait_for("https://a", 2);
  EXPECT_TRUE(is_about(sent[0], "apr_1"));
  EXPECT_TRUE(is_about(sent[1], "apr_3"));
  EXPECT_EQ(sent[0].method, "POST");
  EXPECT_EQ(field(sent[0], "Content-Type"), "application/json");
  EXPECT_TRUE(field(sent[0], "webhook-signature").starts_with("v1,"));
}

TEST(Deliveries, AreRepeatedUnderTheSameId) {
  FakeServers servers;
  servers.answer("https://a", {0, 500, 503, 429, 408, 204});
  Deliveries deliveries(servers, quick);
  deliveries.configure({hook("a")}, "");
  deliveries.tell(news("apr_1"));
  deliveries.tell(news("apr_2"));
  const auto sent = servers.wait_for("https://a", 7);
  for (std::size_t attempt = 0; attempt < 6; ++attempt)
    EXPECT_EQ(field(sent[attempt], "webhook-id"), field(sent[0], "webhook-id"));
  EXPECT_TRUE(is_about(sent[6], "apr_2"));
  EXPECT_NE(field(sent[6], "webhook-id"), field(sent[0], "webhook-id"));
}

TEST(Deliveries, WhatIsRefusedForGoodIsGivenUp) {
  for (const int status : {301, 400, 403, 404, 410}) {
    FakeServers servers;
    servers.answer("https://a", {status, 200});
    Deliveries deliveries(servers, quick);
    deliveries.configure({hook("a")}, "");
    deliveries.tell(news("apr_1"));
    deliveries.tell(news("apr_2"));
    EXPECT_TRUE(is_about(servers.wait_for("https://a", 2)[1], "apr_2")) << status;
  }
}

TEST(Deliveries, WhatIsTooOldIsGivenUp) {
  FakeServers servers;
  servers.answer("https://a", {0});
  Deliveries deliveries(servers, {.first = 1ms, .longest = 1ms, .at_most = 0ms});
  deliveries.configure({hook("a")}, "");
  deliveries.tell(news("apr_1"));
  deliveries.tell(news("apr_2"));
  EXPECT_TRUE(is_about(servers.wait_for("https://a", 2)[1], "apr_2"));
}

TEST(Deliveries, AServerThatHangsHoldsUpNobodyElse) {
  FakeServers servers;
  servers.answer("https://a", {-1});
  {
    Deliveries deliveries(servers, quick);
    deliveries.configure({hook("a"), hook("b")}, "");
    deliveries.tell(news("apr_1"));
    servers.wait_for("https://a", 1);
    for (int i = 0; i < 10; ++i)
      deliveries.tell(news("apr_2"));
    servers.wait_for("https://b", 11);
  }  // and ends with the process
  EXPECT_EQ(servers.wait_for("https://a", 1).size(), 1u);
}

TEST(Deliveries, OldestGoFirstWhenTooManyWait) {
  FakeServers servers;
  servers.answer("https://a", {-1});
  Deliveries deliveries(servers, {.first = 1ms, .longest = 1ms, .at_most = 60s, .waiting = 2});
  deliveries.configure({hook("a")}, "");
  deliveries.tell(news("apr_0"));
  servers.wait_for("https://a", 1);
  for (int i = 1; i <= 4; ++i)
    deliveries.tell(news("apr_" + std::to_string(i)));
  // A line that stays as it is keeps what waits.
  deliveries.configure({hook("a"), hook("b")}, "");
  servers.release();
  const auto sent = servers.wait_for("https://a", 3);
  EXPECT_TRUE(is_about(sent[0], "apr_0"));
  EXPECT_TRUE(is_about(sent[1], "apr_3"));
  EXPECT_TRUE(is_about(sent[2], "apr_4"));
}

TEST(Deliveries, FollowTheConfiguration) {
  FakeServers servers;
  Deliveries deliveries(servers, quick);
  deliveries.tell(news("apr_0"));
  deliveries.configure({hook("a")}, "");
  deliveries.tell(news("apr_1"));
  servers.wait_for("https://a", 1);
  deliveries.configure({hook("b")}, "");
  deliveries.tell(news("apr_2"));
  EXPECT_TRUE(is_about(servers.wait_for("https://b", 1)[0], "apr_2"));
  EXPECT_EQ(servers.wait_for("https://a", 1).size(), 1u);
}

}  // namespace
}  // namespace dbgate::webhooks
