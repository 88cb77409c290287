#pragma once
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <utility>

#include "gateway/net/stream.h"

namespace dbgate::net {

/// A stream in the context and the raw other end of it.
struct Pair {
  explicit Pair(boost::asio::io_context& context) {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    near = std::make_unique<Stream>(context, ends[0]);
    far = ends[1];
  }
  ~Pair() { hang_up(); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  void say(const std::string& bytes) const {
    EXPECT_EQ(::send(far, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// What has arrived by now.
  std::string heard() const {
    std::string all;
    std::array<char, 64 * 1024> block;
    for (;;) {
      const ssize_t got = ::recv(far, block.data(), block.size(), MSG_DONTWAIT);
      if (got <= 0) return all;
      all.append(block.data(), static_cast<std::size_t>(got));
    }
  }
  void hang_up() {
    if (far >= 0) ::close(std::exchange(far, -1));
  }
  std::unique_ptr<Stream> near;
  int far = -1;
};

}  // namespace dbgate::net
