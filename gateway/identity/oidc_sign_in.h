#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/identity/oidc_claims.h"
#include "gateway/identity/oidc_client.h"
#include "gateway/ports/store.h"

namespace dbgate::identity {

/// A native application asks to sign somebody in by a browser.
struct OidcStart {
  std::string provider;
  std::string redirect_uri;    ///< of the application: a port of the person's own machine
  std::string code_challenge;  ///< of the application's verifier (RFC 7636, S256)
  std::string state;           ///< the application's, given back to it
  std::string callback;        ///< the gateway's own URL that the provider sends the browser to
};

/// What the provider sent the browser back with.
struct OidcCallback {
  std::string state;
  std::string code;
  std::string error;
  std::string issuer;  ///< the parameter `iss`
};

struct DevicePoll {
  DeviceState state = DeviceState::pending;
  std::string user;  ///< when done
};

/// People who sign in at an identity provider. Between the steps everything is in the store, sealed and under the hash
/// of what the other side holds, so that any gateway on the store can go on. Blocks; safe to use from any thread.
class OidcSignIn {
 public:
  /// @param in_file  whether the configuration file has a user of that name: nobody becomes one of those
  OidcSignIn(const std::vector<config::OidcProvider>& providers, ports::store::Store& store, ports::HttpClient& http,
             ports::Jose& jose, std::function<bool(std::string_view)> in_file);

  /// @return the URL to open. Errors: 22023 a redirect or a challenge that is none; 3D000 no such provider; 08006.
  Result<std::string> start(const OidcStart& start, std::int64_t now_us);
  /// @return the URL of the application to send the browser to, with a code that is good once for one minute, or with
  /// an error of RFC 6749 §4.1.2.1. Errors: 28000 if the state is unknown, used or too old: then there is no
  /// application to go back to.
  Result<std::string> finish(const OidcCallback& callback, std::int64_t now_us);
  /// The application redeems its code. @return the user's name. Errors: 28000, always the same.
  Result<std::string> redeem(std::string_view code, std::string_view verifier, std::string_view redirect_uri,
                             std::int64_t now_us);

  /// @return with a device code of dbgate's own. Errors: 3D000, 0A000, 08006.
  Result<DeviceCodes> start_device(const std::string& provider, std::int64_t now_us);
  /// Asks the provider, if the interval has passed. Errors: 28000, 42501, 08006.
  Result<DevicePoll> poll_device(std::string_view device_code, std::int64_t now_us);

  std::vector<std::string> providers() const;

 private:
  Result<OidcClient*> client(std::string_view name);
  Result<std::string> enter(OidcClient& client, const boost::json::object& claims, std::int64_t now_us);
  Result<std::string> user_for(OidcClient& client, const OidcPerson& person, std::int64_t now_us);
  Result<std::string> one_time_code(const std::string& user, const boost::json::object& pending, std::int64_t now_us);

  std::vector<std::unique_ptr<OidcClient>> clients_;
  ports::store::Store& store_;
  std::function<bool(std::string_view)> in_file_;
};

}  // namespace dbgate::identity
