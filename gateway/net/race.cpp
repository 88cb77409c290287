#include "gateway/net/race.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace dbgate::net {

Task<> race(Task<> first, Task<> second) {
  using boost::asio::experimental::awaitable_operators::operator||;
  co_await (std::move(first) || std::move(second));
}

}  // namespace dbgate::net
