#include <boost/json.hpp>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/table/suggest.h"
#include "cli/tunnel/control.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

int status(const Call& call) {
  Listing listing{{"name", "target", "address", "expires_at", "open", "bytes_sent", "bytes_received", "last_error"},
                  {},
                  {"connections", "started_at", "background", "pid"}};
  listing.empty = "no tunnel is open; dbgate connect TARGET opens one";
  for (const LiveTunnel& tunnel : live_tunnels())
    listing.items.push_back(tunnel.status);
  print_listing(call.options, listing);
  return 0;
}

int disconnect(const Call& call) {
  const std::string wanted = call.text("NAME");
  if (wanted.empty() != call.has("all"))
    throw Problem{Exit::usage, "disconnect needs a NAME or --all", "dbgate status"};
  std::vector<std::string> names;
  std::size_t ended = 0;
  for (const LiveTunnel& tunnel : live_tunnels()) {
    const std::string name = text_at(tunnel.status, "name");
    names.push_back(name);
    if (!wanted.empty() && name != wanted) continue;
    if (!end_tunnel(tunnel))
      throw Problem{Exit::failure, "the tunnel \"" + name + "\" does not end", "kill its process"};
    std::cerr << "disconnected " << name << '\n';
    ++ended;
  }
  if (ended == 0 && !wanted.empty()) {
    throw Problem{Exit::not_found, "there is no tunnel \"" + wanted + "\"", suggestion(wanted, names, "dbgate status")};
  }
  return 0;
}

}  // namespace

Verbs tunnel_verbs() {
  Verb live{"status", "list live tunnels: target, address, expiry, bytes, last error"};
  live.run = status;

  Verb end{"disconnect", "end a tunnel"};
  end.arguments = {{"NAME", Kind::tunnel, "the tunnel, as dbgate status names it", false}};
  end.flags = {toggle("--all", "all of them")};
  end.exits = {3};
  end.run = disconnect;
  return {live, end};
}

}  // namespace dbgate::cli
