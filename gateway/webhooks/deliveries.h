#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/webhooks.h"
#include "gateway/ports/http_client.h"
#include "gateway/webhooks/message.h"

namespace dbgate::webhooks {

/// When what could not be delivered is sent again, and when it is given up.
struct Patience {
  std::chrono::milliseconds first{1'000};          ///< before the second attempt; doubles with each
  std::chrono::milliseconds longest{60'000};       ///< between two attempts
  std::chrono::milliseconds at_most{15 * 60'000};  ///< from the first attempt on
  std::size_t waiting = 1'000;                     ///< messages for one server; beyond, the oldest goes
  std::size_t bytes = 32u << 20;                   ///< of the approvals that they are about; beyond, the same
};

/// Sends news to all servers that are configured, each by a thread of its own and in the order in which they came.
/// tell() and configure() from any thread; neither waits for anybody.
///
/// A server has taken a message when it answers 2xx. 408, 429, 5xx and no answer are tried again; anything else, a
/// redirect too, is given up at once. What is given up is a line of the log with the name of the webhook and the host,
/// never with the address.
class Deliveries {
 public:
  /// @param http  must outlive this
  explicit Deliveries(ports::HttpClient& http, Patience patience = {});
  ~Deliveries();  ///< what is under way is broken off
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  /// Servers that are not there any more lose what waits for them; those that are as they were keep it.
  void configure(const std::vector<config::Webhook>& hooks, const std::string& public_url);
  void tell(News news);

 private:
  class Line;

  ports::HttpClient& http_;
  const Patience patience_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Line>> lines_;
};

}  // namespace dbgate::webhooks
