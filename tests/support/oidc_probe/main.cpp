// Usage: oidc_probe ISSUER CLIENT_ID CLIENT_SECRET CALLBACK [CA_FILE]
// Reads one command a line, a JSON object, and answers each by one.
#include <boost/json.hpp>
#include <iostream>

#include "gateway/adapters/cjose_jose.h"
#include "gateway/adapters/curl_http.h"
#include "gateway/base/clock.h"
#include "gateway/identity/oidc_sign_in.h"
#include "tests/support/test_store.h"

namespace {

namespace json = boost::json;
using namespace dbgate;  // NOLINT: a program of one file

std::string word(identity::DeviceState state) {
  constexpr std::array names = {"pending", "slow_down", "expired", "denied", "done"};
  return names[static_cast<std::size_t>(state)];
}

json::object refused(const Error& error) {
  return {{"error", std::string(error.code().text())}, {"message", error.message()}};
}

class Probe {
 public:
  explicit Probe(const std::vector<std::string>& arguments)
      : callback_(arguments[3]),
        sign_in_({provider(arguments)}, store_, *http_, *jose_, [](std::string_view user) { return user == "filed"; }) {
  }

  json::object run(const json::object& command) {
    const auto text = [&command](const char* name) {
      return command.contains(name) ? std::string(command.at(name).as_string()) : std::string();
    };
    if (command.contains("later_s")) later_us_ += command.at("later_s").to_number<std::int64_t>() * 1'000'000;
    const std::int64_t now_us = wall_clock_us() + later_us_;
    const std::string verb = text("do");
    if (verb == "start") {
      return answer(
          "url", sign_in_.start({"corp", text("redirect_uri"), text("challenge"), text("state"), callback_}, now_us));
    }
    if (verb == "finish") {
      return answer("url", sign_in_.finish({text("state"), text("code"), text("error"), text("iss")}, now_us));
    }
    if (verb == "redeem") {
      return answer("user", sign_in_.redeem(text("code"), text("verifier"), text("redirect_uri"), now_us));
    }
    if (verb == "device") return device(now_us);
    if (verb == "poll") {
      const auto polled = sign_in_.poll_device(text("device_code"), now_us);
      if (!polled) return refused(polled.error());
      return {{"state", word(polled->state)}, {"user", polled->user}};
    }
    if (verb == "user") return user(text("name"));
    return {{"error", "unknown command"}};
  }

 private:
  static config::OidcProvider provider(const std::vector<std::string>& arguments) {
    config::OidcProvider settings;
    settings.name = "corp";
    settings.issuer = arguments[0];
    settings.client_id = arguments[1];
    settings.client_secret = arguments[2];
    settings.scopes = {"openid", "profile", "email", "groups"};
    settings.group_map = {{"Analysts", "analysts"}, {"On Call", "oncall"}};
    settings.allowed_domains = {"example.com"};
    settings.auto_create = true;
    if (arguments.size() > 4) settings.ca_file = arguments[4];
    return settings;
  }
  static json::object answer(const char* name, const Result<std::string>& result) {
    if (!result) return refused(result.error());
    return {{name, *result}};
  }
  json::object device(std::int64_t now_us) {
    const auto codes = sign_in_.start_device("corp", now_us);
    if (!codes) return refused(codes.error());
    return {{"device_code", codes->device_code},
            {"user_code", codes->user_code},
            {"verification_uri_complete", codes->verification_uri_complete},
            {"expires_in", codes->expires_in_s},
            {"interval", codes->interval_s}};
  }
  json::object user(const std::string& name) {
    const auto found = store_.users().find_user(name);
    if (!found || !*found) return {{"error", "no such user"}};
    json::array groups;
    for (const auto& membership : *store_.users().memberships_of_user(name))
      groups.emplace_back(membership.group);
    return {{"email", (*found)->email}, {"subject", (*found)->subject}, {"groups", std::move(groups)}};
  }

  tests::TestStore store_;
  std::unique_ptr<ports::HttpClient> http_ = adapters::make_curl_http();
  std::unique_ptr<ports::Jose> jose_ = adapters::make_cjose();
  const std::string callback_;
  identity::OidcSignIn sign_in_;
  std::int64_t later_us_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) return 2;
  Probe probe({arguments + 1, arguments + count});
  for (std::string line; std::getline(std::cin, line);)
    std::cout << json::serialize(probe.run(json::parse(line).as_object())) << std::endl;
  return 0;
}
