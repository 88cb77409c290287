#pragma once
#include <boost/asio/awaitable.hpp>

namespace dbgate {

/// A lazily started coroutine of the thread that awaits it.
template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace dbgate
