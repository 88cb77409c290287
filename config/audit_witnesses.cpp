#include "config/audit_witnesses.h"

#include <array>
#include <set>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::size_t most_witnesses = 8;
constexpr std::string_view of_names = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

void refuse(const Value& value, std::initializer_list<const char*> keys, const char* why) {
  for (const char* const key : keys) {
    if (value[key].present()) value[key].error(why);
  }
}

void read_file_witness(const Value& value, AuditWitness& witness) {
  refuse(value,
         {"url", "url_file", "url_env", "url_credential", "shape", "token", "token_file", "token_env",
          "token_credential", "key", "ca_file", "timeout"},
         "is not for a witness of type file");
  value["path"].read(witness.path);
  if (witness.path.empty()) return value.error("needs path, the file that checkpoints are added to");
  if (witness.path[0] != '/') value["path"].error("must begin with /");
}

void read_gateway_witness(const Value& value, AuditWitness& /*witness*/) {
  refuse(value,
         {"path", "url", "url_file", "url_env", "url_credential", "shape", "token", "token_file", "token_env",
          "token_credential", "key", "ca_file", "timeout"},
         "is not for a witness of type gateway");
}

void read_http_witness(const Value& value, AuditWitness& witness) {
  refuse(value, {"path"}, "is not for a witness of type http");
  std::size_t shape = 0;
  value["shape"].read_word({"tlog_witness", "plain"}, shape);
  witness.plain = shape == 1;
  value.read_secret("url", witness.url, false);
  value.read_secret("token", witness.token, true);
  value["key"].read(witness.key);
  if (witness.plain && !witness.key.empty()) value["key"].error("is for shape tlog_witness: others sign nothing");
  value["ca_file"].read_file_path(witness.ca_file);
  value["timeout"].read(witness.timeout);
  if (witness.timeout < Milliseconds(100) || witness.timeout > Milliseconds(5 * 60'000))
    value["timeout"].error("must be from 100ms to 5m");
  if (value.purpose() == Purpose::judge) return;  // secrets are not read
  if (witness.url.empty()) return value.error("needs url, url_file, url_env or url_credential");
  if (!witness.url.starts_with("https://") && !is_loopback_url(witness.url))
    value.error("the url must be https; http is for this machine alone");
}

AuditWitness read_witness(const Value& value) {
  value.expect_keys({"name", "type", "interval", "path", "shape", "url", "url_file", "url_env", "url_credential",
                     "token", "token_file", "token_env", "token_credential", "key", "ca_file", "timeout"});
  AuditWitness witness;
  value["name"].read(witness.name);
  if (witness.name.empty()) value.error("needs a name");
  if (witness.name.size() > 32 || witness.name.find_first_not_of(of_names) != std::string::npos)
    value["name"].error("must be 1 to 32 letters, digits, _ and -: it names a file");
  if (!value["type"].present()) value.error("needs type: file, http or gateway");
  std::size_t type = 0;
  value["type"].read_word({"file", "http", "gateway"}, type);
  witness.type = static_cast<WitnessType>(type);
  value["interval"].read(witness.interval);
  if (witness.interval < Milliseconds(100) || witness.interval > Milliseconds(24 * 3'600'000))
    value["interval"].error("must be from 100ms to 24h");
  constexpr std::array<void (*)(const Value&, AuditWitness&), 3> readers = {read_file_witness, read_http_witness,
                                                                            read_gateway_witness};
  readers[type](value, witness);
  return witness;
}

}  // namespace

void read_audit_witnesses(const Value& list, std::vector<AuditWitness>& witnesses) {
  std::set<std::string> seen;
  list.each([&](const Value& value) {
    AuditWitness witness = read_witness(value);
    if (!witness.name.empty() && !seen.insert(witness.name).second)
      value["name"].error("\"" + witness.name + "\" is defined twice");
    witnesses.push_back(std::move(witness));
  });
  if (witnesses.size() > most_witnesses) list.error("there are more than 8");
}

}  // namespace dbgate::config
