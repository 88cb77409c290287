#include "config/certificate_names.h"
#include "config/reader.h"

namespace dbgate::config {
namespace {

std::string holder_of(const std::string& name, const Config& config, const User& user) {
  for (const User& other : config.users) {
    for (const std::string& taken : other.certificates) {
      if (taken == name) return other.name;
    }
  }
  for (const std::string& taken : user.certificates) {
    if (taken == name) return user.name;
  }
  return {};
}

}  // namespace

void read_sign_in(const Value& value, User& user, const Config& config) {
  std::size_t wire = 0;
  value["wire"].read_word({"password", "token"}, wire);
  user.wire = static_cast<WireSignIn>(wire);
  const Tls& tls = config.postgres.tls;
  if (user.wire == WireSignIn::token && !tls.configured()) {
    value["wire"].warn("a token is sent inside TLS only, and listen.postgres has no tls");
  }
  value["certificates"].each([&](const Value& entry) {
    std::string text;
    entry.read(text);
    const std::string name = normal_certificate_name(text);
    if (name.empty()) entry.error("must be one name of a certificate: uri:…, dns:host or email:somebody@host");
    const std::string holder = name.empty() ? name : holder_of(name, config, user);
    if (!holder.empty()) entry.error("stands for user \"" + holder + "\" already");
    user.certificates.push_back(name);
  });
  if (!user.certificates.empty() && tls.client_ca_file.empty() && config.api.tls.client_ca_file.empty()) {
    value["certificates"].warn("no listener has tls.client_ca_file, so that nobody is asked for one");
  }
}

}  // namespace dbgate::config
