#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <vector>

#include "gateway/net/listener.h"

// Live tunnels of this user say what they do, and end, through a Unix socket each. One line of JSON in, one out.
namespace dbgate::cli {

/// The tunnel's end. Lets in nobody but its own user; the socket goes with the object.
class TunnelControl {
 public:
  struct Handlers {
    std::function<boost::json::object()> status;
    std::function<void()> end;
  };
  TunnelControl(boost::asio::io_context& context, Handlers handlers);
  ~TunnelControl();
  TunnelControl(const TunnelControl&) = delete;
  TunnelControl& operator=(const TunnelControl&) = delete;

 private:
  Task<> serve(net::Stream client);

  Handlers handlers_;
  std::string path_;
  net::Listener listener_;
};

/// A live tunnel and where it listens for orders.
struct LiveTunnel {
  std::string socket;
  boost::json::object status;
};

/// All live tunnels of this user. Sockets that nobody answers on any more are removed.
std::vector<LiveTunnel> live_tunnels();
/// Asks one to end and waits until it has. @return false if it does not answer
bool end_tunnel(const LiveTunnel& tunnel);

}  // namespace dbgate::cli
