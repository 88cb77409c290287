#include "gateway/adapters/store/postgres_place.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <vector>

namespace dbgate::adapters::store {
namespace {

const Result<> done = boost::system::in_place_value;

Error bad_url(const std::string& what) {
  return Error(
      sqlstate::invalid_parameter_value, "store.url: " + what,
      "Write postgresql://USER@HOST:5432/DATABASE?sslrootcert=FILE, with the password in store.password_file.");
}

// Takes our own parameter out of a URL: libpq knows none of that name. Nothing if there is none.
std::string take_schema(std::string& url) {
  constexpr std::string_view name = "schema=";
  std::size_t at = url.find('?');
  while (at != std::string::npos && url.compare(at + 1, name.size(), name) != 0)
    at = url.find('&', at + 1);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + 1 + name.size();
  const std::size_t end = std::min(url.find('&', begin), url.size());
  const std::string schema = url.substr(begin, end - begin);
  url.erase(at + 1, std::min(end + 1, url.size()) - at - 1);
  if (url.back() == '&' || url.back() == '?') url.pop_back();
  return schema;
}

bool good_schema(std::string_view name) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz_0123456789";
  return !name.empty() && name.size() <= 63 && !(name[0] >= '0' && name[0] <= '9') && !name.starts_with("pg_") &&
         name.find_first_not_of(letters) == std::string_view::npos;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0;;) {
    const std::size_t comma = text.find(',', at);
    parts.push_back(text.substr(at, comma - at));
    if (comma == std::string::npos) return parts;
    at = comma + 1;
  }
}

template <class Enum, std::size_t N>
bool word(const std::array<const char*, N>& words, const std::string& text, Enum& value) {
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) value = static_cast<Enum>(found - words.begin());
  return found != words.end();
}

constexpr std::array sslmodes{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
constexpr std::array bindings{"disable", "prefer", "require"};

using Options = std::map<std::string, std::string>;

// The parameters that the URL gives, by libpq's own reading.
Result<Options> read_options(const std::string& url) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(url.c_str(), nullptr),
                                                                            &PQconninfoFree);
  // libpq's message may repeat the password.
  if (!parsed) return bad_url("is no connection URL of PostgreSQL");
  Options options;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) options[option->keyword] = option->val;
  }
  return options;
}

std::string take(Options& options, const char* name, std::string otherwise = {}) {
  const auto node = options.extract(name);
  return node.empty() || node.mapped().empty() ? std::move(otherwise) : std::move(node.mapped());
}

Result<> read_hosts(Options& options, config::Upstream& server) {
  const auto hosts = split(take(options, "host"));
  const auto ports = split(take(options, "port", "5432"));
  if (ports.size() != 1 && ports.size() != hosts.size()) return bad_url("has another number of ports than of hosts");
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::string& text = ports[ports.size() == 1 ? 0 : i];
    config::HostPort host{hosts[i], 5432};
    const char* const end = text.data() + text.size();
    const bool number = text.empty() || std::from_chars(text.data(), end, host.port).ptr == end;
    if (!number || host.port == 0) return bad_url("has a port that is none");
    if (host.host.empty()) return bad_url("needs a host");
    server.hosts.push_back(std::move(host));
  }
  return done;
}

}  // namespace

Result<PostgresPlace> parse_postgres_url(const std::string& url, const std::string& password) {
  PostgresPlace place;
  std::string text = url;
  const std::string schema = take_schema(text);
  if (!schema.empty()) place.schema = schema;
  if (!good_schema(place.schema)) return bad_url("the name of the schema must be of a-z, 0-9 and _");
  DBGATE_TRY(Options options, read_options(text));
  config::Upstream& server = place.server;
  DBGATE_CHECK(read_hosts(options, server));
  server.database = take(options, "dbname");
  server.user = take(options, "user");
  const std::string inside = take(options, "password");
  server.password = password.empty() ? inside : password;
  if (server.database.empty()) return bad_url("needs a database");
  if (server.user.empty()) return bad_url("needs a user");
  if (!word(sslmodes, take(options, "sslmode", "verify-full"), server.tls)) return bad_url("has an unknown sslmode");
  if (!word(bindings, take(options, "channel_binding", "prefer"), server.channel_binding))
    return bad_url("has an unknown channel_binding");
  server.ca_file = take(options, "sslrootcert");
  server.cert_file = take(options, "sslcert");
  server.key_file = take(options, "sslkey");
  if (!options.empty()) return bad_url("dbgate does not use the parameter " + options.begin()->first);
  // A server behind a Unix socket may know by the process who it is; one that lets everybody in needs no secret of
  // ours.
  server.allow_no_password = server.password.empty() || server.hosts.front().host.starts_with('/');
  return place;
}

}  // namespace dbgate::adapters::store
