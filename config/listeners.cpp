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

}  // namespace

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
