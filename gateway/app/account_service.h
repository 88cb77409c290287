#pragma once
#include <functional>
#include <string>

#include "gateway/app/identity.h"
#include "gateway/identity/token_service.h"
#include "gateway/net/stream.h"
#include "gateway/ports/account_service.h"
#include "gateway/ports/audit_log.h"

namespace dbgate::app {

/// The logic of gateway/identity for the API: what blocks runs on the identity's own threads, what people did is
/// recorded from the API's thread.
class AccountService final : public ports::AccountService {
 public:
  /// @param chain records what people do at the API
  AccountService(Identity& identity, ports::AuditChain& chain) : identity_(identity), chain_(chain) {}

  std::vector<std::string> providers() const override;
  Task<Result<ports::SignInAnswer>> sign_in(ports::PasswordProof proof, ports::Device device) override;
  Task<Result<ports::SignInAnswer>> answer_challenge(std::string challenge, ports::PasswordProof proof,
                                                     ports::Device device) override;
  Task<Result<ports::IssuedTokens>> refresh(std::string refresh_token, std::string address) override;
  Task<Result<std::string>> start_browser(ports::BrowserSignIn start) override;
  Task<Result<std::string>> finish_browser(ports::BrowserReturn answer) override;
  Task<Result<ports::IssuedTokens>> redeem(ports::CodeGrant grant, ports::Device device) override;
  Task<Result<ports::DeviceStart>> start_device(std::string provider) override;
  Task<Result<ports::DeviceAnswer>> poll_device(std::string device_code, ports::Device device) override;
  Task<Result<std::string>> jwks() override;

  Task<Result<>> sign_out(ports::AccountCaller caller, bool all) override;
  Task<Result<>> change_password(ports::AccountCaller caller, std::string current, std::string next) override;
  Task<Result<ports::TotpStart>> start_totp(ports::AccountCaller caller) override;
  Task<Result<std::vector<std::string>>> confirm_totp(ports::AccountCaller caller, std::string otp) override;
  Task<Result<>> remove_totp(ports::AccountCaller caller, ports::PasswordProof proof) override;

  Task<Result<ports::store::Listed<ports::store::Login>>> logins(std::string user, ports::store::Page page) override;
  Task<Result<>> end_login(ports::AccountCaller caller, std::string id) override;
  Task<Result<ports::store::Listed<ports::store::AccessKey>>> tokens(std::string user,
                                                                     ports::store::Page page) override;
  Task<Result<ports::CreatedToken>> create_token(ports::AccountCaller caller, ports::NewToken wanted) override;
  Task<Result<>> revoke_token(ports::AccountCaller caller, std::string id) override;
  Task<Result<ports::store::Listed<ports::store::DatabasePassword>>> database_passwords(
      std::string user, ports::store::Page page) override;
  Task<Result<ports::CreatedPassword>> create_database_password(ports::AccountCaller caller,
                                                                ports::NewPassword wanted) override;
  Task<Result<>> revoke_database_password(ports::AccountCaller caller, std::string id) override;

 private:
  /// Runs what blocks elsewhere. `work` may use the caller's frame.
  template <class T>
  static Task<Result<T>> on(net::Executor executor, std::function<Result<T>()> work) {
    Result<T> result = Error();
    co_await net::run_on(std::move(executor), [&]() -> Task<> {
      result = work();
      co_return;
    });
    co_return result;
  }
  /// Begins a login of somebody who has proved who it is.
  Task<Result<ports::IssuedTokens>> begin(std::string user, std::string method, ports::Device device);
  Task<Result<ports::SignInAnswer>> conclude(identity::SignInResult result, std::string user, std::string method,
                                             ports::Device device);

  /// auth.ok or auth.fail.
  Result<> record_sign_in(bool succeeded, const std::string& user, const std::string& method,
                          const std::string& credential, const std::string& address);
  /// admin.change.
  Result<> record_change(const ports::AccountCaller& caller, std::string_view change, const std::string& object,
                         const std::string& name = {});

  Identity& identity_;
  ports::AuditChain& chain_;
};

}  // namespace dbgate::app
