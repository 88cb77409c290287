#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "cli/problem.h"
#include "cli/tunnel/tunnel.h"

namespace dbgate::cli {

/// Keeps the access token of a tunnel fresh beneath it. The gateway is asked on a thread of its own, so that bytes keep
/// flowing; everything else happens on the tunnel's thread.
class TokenKeeper final : public TunnelToken {
 public:
  struct Events {
    std::function<void(std::int64_t expires)> renewed;
    std::function<void(const std::string& why)> reconnecting;
    std::function<void(const Problem&)> ended;  ///< nothing can be opened any more
  };

  TokenKeeper(boost::asio::io_context& context, const Options& options, const GatewayUrl& url, Events events);
  /// Ends what it asks for at that moment; a renewal has a few seconds to come to its end.
  ~TokenKeeper() override;

  Task<std::string> current() override;
  Task<std::string> instead_of(std::string refused) override;
  void doubt() override;

  /// When the token in use ends, in seconds since 1970; 0: not known.
  std::int64_t expires() const noexcept { return expires_; }
  bool renewable() const noexcept { return renewable_; }

 private:
  struct Outcome;
  void schedule();
  void begin(bool look_first);
  Outcome ask(bool look_first, const std::string& token, std::stop_token stop);
  void take(const Outcome& outcome);
  bool good() const;

  boost::asio::io_context& context_;
  Options options_;
  GatewayUrl url_;
  Events events_;
  boost::asio::steady_timer timer_;
  net::Event changed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::string token_;
  std::int64_t expires_ = 0;
  bool renewable_ = false;
  bool busy_ = false;
  bool over_ = false;
  int failures_ = 0;
  std::atomic<bool> renewing_ = false;
  std::jthread asking_;  // the last member: it uses the others
};

}  // namespace dbgate::cli
