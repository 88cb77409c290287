#pragma once
#include "gateway/api/authenticator.h"
#include "gateway/app/worker.h"

namespace dbgate::app {

/// Says whose request it is: by access tokens, personal tokens and service keys, with groups and roles of the snapshot
/// in force.
class Bearers final : public api::Authenticator {
 public:
  explicit Bearers(Shared& shared) : shared_(shared) {}
  Task<Result<api::Caller>> authenticate(const api::Request& request) override;

 private:
  Shared& shared_;
};

/// The groups of a user.
std::vector<std::string> groups_of(const Snapshot& snapshot, std::string_view user);
/// The administrative rights of a user, of its own and of its groups.
api::Role roles_of(const Snapshot& snapshot, std::string_view user);

}  // namespace dbgate::app
