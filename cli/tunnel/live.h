#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "cli/tunnel/control.h"
#include "cli/tunnel/local_end.h"
#include "cli/tunnel/token_keeper.h"

namespace dbgate::cli {

/// What a tunnel is told when it begins to live.
struct LiveSettings {
  std::string name;  ///< what `status` and `disconnect` call it
  std::string target;
  std::string resume;           ///< the command that opens it again
  std::chrono::seconds ttl{0};  ///< 0: as long as the sign-in lives
  bool background = false;
  /// Says what happens: "ready", "renewed", "reconnecting", "ended".
  std::function<void(const std::string& event, boost::json::object more)> say;
};

/// Runs a tunnel until something ends it: a signal, its command's end, `dbgate disconnect`, its time, the sign-in's
/// end.
class LiveTunnelRun {
 public:
  LiveTunnelRun(boost::asio::io_context& context, const Options& options, const GatewayUrl& url, Tunnel& tunnel,
                const Local& local, LiveSettings settings);

  /// When it ends at the latest, RFC 3339; empty: not known.
  std::string expires_at() const;
  /// @param child the command that runs in it; 0: none
  /// @return the exit status
  int run(pid_t child);

 private:
  void reap();
  void heed_signals();
  void end(const std::string& reason, int status);
  boost::json::object status() const;

  boost::asio::io_context& context_;
  Tunnel& tunnel_;
  const Local& local_;
  LiveSettings settings_;
  TokenKeeper keeper_;
  TunnelControl control_;
  boost::asio::signal_set children_;
  boost::asio::signal_set ends_;
  boost::asio::steady_timer ttl_;
  boost::asio::steady_timer farewell_;
  std::int64_t started_;
  pid_t child_ = 0;
  int result_ = 0;
  bool over_ = false;
};

}  // namespace dbgate::cli
