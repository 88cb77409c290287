#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/tunnel/tunnel.h"

// The local end of a tunnel: where it listens, and what a client needs to use it.
namespace dbgate::cli {

/// What a client needs to use the tunnel.
struct Local {
  std::string host;
  std::uint16_t port = 0;
  std::string user;
  std::string database;
  std::string passfile;  ///< empty: no password is asked for
  std::string socket;    ///< the directory; empty: TCP
};

/// Opens the listener by the port rule: the port that was asked for (-1: none was), the remembered one, the target's
/// own `hint` (0: none), the first free from 15432 up. What was chosen without being asked for is remembered by `name`.
/// Throws Problem (125), which names the owner of a taken port if it can be known.
std::unique_ptr<Tunnel> open_port(boost::asio::io_context& context, TunnelSettings settings, int port, int hint,
                                  const std::string& name);
/// Opens a Unix socket in a directory of mode 0700, which is made if need be. The kernel says who is at the other end.
std::unique_ptr<Tunnel> open_socket(boost::asio::io_context& context, TunnelSettings settings,
                                    const std::string& directory);

/// A passfile for exactly this tunnel (PostgreSQL manual ch. 34.16); gone with the tunnel.
class PassFile {
 public:
  PassFile(const Local& local, const std::string& password);
  ~PassFile();
  PassFile(const PassFile&) = delete;
  PassFile& operator=(const PassFile&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// libpq's environment for the tunnel.
std::vector<std::pair<std::string, std::string>> libpq_environment(const Local& local);
/// The psql command that uses the tunnel.
std::string psql_command(const Local& local);
/// Starts a command with that environment. Throws Problem (126, 127).
pid_t start_command(const std::vector<std::string>& command, const Local& local);

}  // namespace dbgate::cli
