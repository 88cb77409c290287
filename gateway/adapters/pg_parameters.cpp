#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <map>
#include <memory>

#include "gateway/adapters/pg_entry.h"

namespace dbgate::adapters {
namespace {

// Exists on no system: what libpq would find in the home directory must not count.
constexpr const char* no_file = "/dev/null/none";
constexpr std::array sslmodes{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
constexpr std::array bindings{"disable", "prefer", "require"};
constexpr std::array session_attrs{"any", "read-write", "read-only", "primary", "standby", "prefer-standby"};

using Values = std::map<std::string, std::string>;

void append(std::string& text, const std::string& keyword, const std::string& value) {
  text.append(text.empty() ? "" : " ").append(keyword).append("='");
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  text += '\'';
}

bool verifies(const config::Upstream& server) {
  return server.tls == config::SslMode::verify_ca || server.tls == config::SslMode::verify_full;
}

// libpq 15 knows no "system": the file that OpenSSL takes for it is named instead.
Result<std::string> trusted(const config::Upstream& server) {
  if (!verifies(server)) return std::string(no_file);
  if (!server.ca_file.empty()) return server.ca_file;
  for (const char* const file : {X509_get_default_cert_file(), "/etc/ssl/certs/ca-certificates.crt"}) {
    if (::access(file, R_OK) == 0) return std::string(file);
  }
  return Error(sqlstate::connection_failure, "there are no trusted certificates on this system",
               "Set upstream.ca_file.");
}

// What a server may ask for; libpq 16 and newer enforce it themselves.
std::string allowed_methods(const config::Upstream& server) {
  std::string methods = "scram-sha-256";
  if (server.allow_md5) methods += ",md5";
  if (server.allow_no_password) methods += ",none";
  return methods;
}

}  // namespace

Result<std::string> libpq_parameters(const config::Upstream& server, const config::HostPort& host,
                                     const std::string& database, const char* application_name) {
  DBGATE_TRY(const std::string root, trusted(server));
  const std::string cert = server.cert_file.empty() ? no_file : server.cert_file;
  const Values ours{
      {"host", host.host},
      {"port", std::to_string(host.port)},
      {"dbname", database},
      {"user", server.user},
      {"password", server.password},
      {"passfile", no_file},
      {"sslmode", sslmodes[static_cast<std::size_t>(server.tls)]},
      {"sslrootcert", root},
      {"sslcert", cert},
      {"sslkey", server.key_file.empty() ? no_file : server.key_file},
      {"sslcrl", no_file},
      {"sslcompression", "0"},
      {"sslsni", "1"},
      {"sslcertmode", "allow"},
      {"sslnegotiation", "postgres"},
      {"ssl_min_protocol_version", "TLSv1.2"},
      {"channel_binding", bindings[static_cast<std::size_t>(server.channel_binding)]},
      {"require_auth", allowed_methods(server)},
      {"gssencmode", "disable"},
      {"krbsrvname", "postgres"},
      {"gssdelegation", "0"},
      {"target_session_attrs", session_attrs[static_cast<std::size_t>(server.session_attrs)]},
      {"load_balance_hosts", "disable"},
      {"min_protocol_version", "3.0"},
      {"max_protocol_version", "3.0"},
      {"client_encoding", "UTF8"},
      {"application_name", application_name},
      {"connect_timeout", "0"},
      {"keepalives", "1"},
      {"keepalives_idle", "60"},
      {"keepalives_interval", "15"},
      {"keepalives_count", "4"},
      {"tcp_user_timeout", "60000"},
  };
  // An empty value in a connection string counts as given; what is not given at all comes from the environment.
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> known(PQconndefaults(), &PQconninfoFree);
  if (!known) return Error(sqlstate::connection_failure, "libpq cannot be used");
  std::string parameters;
  for (const PQconninfoOption* option = known.get(); option->keyword != nullptr; ++option) {
    const std::string keyword = option->keyword;
    const auto found = ours.find(keyword);
    if (found != ours.end()) {
      append(parameters, keyword, found->second);
    } else if (option->envvar != nullptr && !keyword.starts_with("service")) {
      append(parameters, keyword, "");
    }
  }
  return parameters;
}

void forget_libpq_environment() {
  for (const char* const name : {"PGSERVICE", "PGDATESTYLE", "PGTZ", "PGGEQO"})
    ::unsetenv(name);
}

}  // namespace dbgate::adapters
