#include "config/reader.h"

namespace dbgate::config {
namespace {

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

void read_tls(const Value& value, Tls& tls) {
  value.expect_keys({"cert_file", "key_file", "client_ca_file"});
  value["cert_file"].read_file_path(tls.cert_file);
  value["key_file"].read_file_path(tls.key_file);
  value["client_ca_file"].read_file_path(tls.client_ca_file);
  if (value["cert_file"].present() != value["key_file"].present()) value.error("needs both cert_file and key_file");
}

// Those who may use it are told by the system; the name has to fit into a socket's address (unix(7)), with what it is
// called before it is in its place.
void read_admin_socket(const Value& value, Config& config) {
  constexpr std::size_t longest = 90;
  value.expect_keys({"socket"});
  value["socket"].read(config.admin_socket);
  if (config.admin_socket.empty()) return;
  if (config.admin_socket[0] != '/') value["socket"].error("must be a path from the root");
  if (config.admin_socket.size() > longest) value["socket"].error("must not be longer than 90 characters");
}

}  // namespace

void read_listeners(const Value& value, Config& config) {
  value.expect_keys({"postgres", "api", "ops", "admin"});
  read_listener(value["postgres"], config.postgres, 6432);
  read_listener(value["api"], config.api, 8443);
  read_ops_listener(value["ops"], config.ops);
  read_admin_socket(value["admin"], config);
  if (!config.postgres.user.empty()) value["postgres"]["user"].error("is for tcp targets only");
  if (!config.api.user.empty()) value["api"]["user"].error("is for tcp targets only");
}

void read_listener(const Value& value, Listener& listener, std::uint16_t default_port) {
  if (!value.present()) return;
  value.expect_keys({"address", "port", "socket", "tls", "require_tls", "allow_plain_remote", "user"});
  listener.enabled = true;
  listener.port = default_port;
  value["address"].read(listener.address);
  value["port"].read_port(listener.port);
  value["socket"].read(listener.socket);
  value["user"].read(listener.user);
  read_tls(value["tls"], listener.tls);
  value["require_tls"].read(listener.require_tls);
  value["allow_plain_remote"].read(listener.allow_plain_remote);
  if (!value["tls"].present() && !is_loopback(listener.address) && !listener.allow_plain_remote) {
    value.error("address " + listener.address +
                " is not loopback and tls is not configured; configure tls, or set allow_plain_remote: true");
  }
  if (listener.require_tls && !value["tls"].present()) value.error("require_tls needs tls");
}

void read_ops_listener(const Value& value, Listener& listener) {
  constexpr std::uint16_t default_port = 9464;
  if (!value.present()) return;
  value.expect_keys({"address", "port"});
  listener.enabled = true;
  listener.port = default_port;
  value["address"].read(listener.address);
  value["port"].read_port(listener.port);
}

}  // namespace dbgate::config
