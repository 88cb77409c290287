#pragma once
#include <map>

#include "gateway/api/authenticator.h"
#include "gateway/app/worker.h"

namespace dbgate::app {

/// Says whose request it is: by access tokens, personal tokens, service keys and client certificates, with groups and
/// roles of the snapshot in force. On the API's thread.
class Bearers final : public api::Authenticator {
 public:
  /// @param chain  records who comes by a certificate
  Bearers(Shared& shared, ports::AuditChain& chain) : shared_(shared), chain_(chain) {}
  Task<Result<api::Caller>> authenticate(const api::Request& request) override;

 private:
  Result<api::Caller> by_certificate(const api::Request& request);
  Result<> note(const std::string& user, const std::string& credential, const std::string& address);

  Shared& shared_;
  ports::AuditChain& chain_;
  std::map<std::string, std::int64_t> noted_us_;
};

/// The groups of a user.
std::vector<std::string> groups_of(const Snapshot& snapshot, std::string_view user);
/// The administrative rights of a user, of its own and of its groups.
api::Role roles_of(const Snapshot& snapshot, std::string_view user);

}  // namespace dbgate::app
