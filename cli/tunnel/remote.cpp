#include "cli/tunnel/remote.h"

namespace dbgate::cli {

Error gateway_unreachable(const GatewayUrl& url, const std::string& why) {
  return {sqlstate::connection_failure, "cannot reach the gateway at " + url.text() + ": " + why};
}

Result<> refusal_of(unsigned status) {
  switch (status) {
    case 401:
      return Error(sqlstate::invalid_authorization_specification, "the gateway does not accept the access token",
                   "Sign in again: dbgate login");
    case 403:
      return Error(sqlstate::insufficient_privilege, "the access token is not good for tunnels",
                   "It needs the scope \"connect\".");
    case 404:
      return Error(sqlstate::invalid_catalog_name, "the gateway has no such target for you", "See dbgate list.");
    case 429:
      return Error(sqlstate::too_many_connections, "the gateway has had too many requests", "Try again in a moment.");
    case 503:
      return Error(sqlstate::admin_shutdown, "gateway draining", "Try again in a moment.");
    default:
      return boost::system::in_place_value;
  }
}

Task<Result<std::unique_ptr<Remote>>> RemoteOpener::open(net::Executor executor, std::string token) {
  if (!by_websocket_) {
    auto remote = co_await open_plain_remote(executor, settings_, token);
    if (!remote || *remote) co_return remote;
  }
  auto remote = co_await open_websocket_remote(executor, settings_, std::move(token));
  // Now it is known that this way works, and the other does not.
  if (remote) by_websocket_ = true;
  co_return remote;
}

}  // namespace dbgate::cli
