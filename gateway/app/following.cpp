#include "gateway/app/following.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace dbgate::app {

struct Following::Waiting {
  Waiting(const net::Executor& executor, std::int64_t wanted) : generation(wanted), timer(executor) {}
  const std::int64_t generation;
  boost::asio::steady_timer timer;  // used on the waiter's own thread only
};

Following::Following() = default;
Following::~Following() = default;

void Following::reached(std::int64_t generation) {
  std::vector<std::shared_ptr<Waiting>> done;
  {
    const std::lock_guard lock(mutex_);
    generation_ = std::max(generation_, generation);
    const auto still = std::stable_partition(waiting_.begin(), waiting_.end(),
                                             [this](const auto& one) { return one->generation > generation_; });
    done.assign(still, waiting_.end());
    waiting_.erase(still, waiting_.end());
  }
  for (const auto& one : done)
    boost::asio::post(one->timer.get_executor(), [one] { one->timer.cancel(); });
}

Task<bool> Following::wait(std::int64_t generation, std::chrono::milliseconds patience) {
  const net::Executor executor = co_await boost::asio::this_coro::executor;
  auto waiting = std::make_shared<Waiting>(executor, generation);
  {
    const std::lock_guard lock(mutex_);
    if (generation_ >= generation) co_return true;
    waiting_.push_back(waiting);
  }
  waiting->timer.expires_after(patience);
  co_await waiting->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  const std::lock_guard lock(mutex_);
  std::erase(waiting_, waiting);
  co_return generation_ >= generation;
}

}  // namespace dbgate::app
