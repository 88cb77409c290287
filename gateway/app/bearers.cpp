#include "gateway/app/bearers.h"

#include <algorithm>

#include "gateway/app/accounts.h"
#include "gateway/app/identity.h"
#include "gateway/base/clock.h"
#include "gateway/session/audit_trail.h"

namespace dbgate::app {
namespace {

constexpr std::int64_t second_us = 1'000'000;

template <class List>
bool has(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

api::Role role_named(std::string_view name) {
  if (name == "admin") return api::Role::admin;
  if (name == "user_admin") return api::Role::user_admin;
  if (name == "target_admin") return api::Role::target_admin;
  if (name == "policy_admin") return api::Role::policy_admin;
  return name == "auditor" ? api::Role::auditor : api::Role::none;
}

// As often as access tokens would be renewed.
constexpr std::int64_t note_each_us = 15 * 60 * second_us;
constexpr std::size_t most_noted = 10'000;

}  // namespace

std::vector<std::string> groups_of(const Snapshot& snapshot, std::string_view user) {
  std::vector<std::string> groups;
  for (const auto& [name, members] : snapshot.config.groups) {
    if (has(members, user)) groups.push_back(name);
  }
  return groups;
}

api::Role roles_of(const Snapshot& snapshot, std::string_view user) {
  const std::vector<std::string> groups = groups_of(snapshot, user);
  api::Role roles = api::Role::none;
  for (const auto& [name, holders] : snapshot.config.roles) {
    const bool held = has(holders.users, user) || std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
                        return has(holders.groups, group);
                      });
    if (held) roles = roles | role_named(name);
  }
  return roles;
}

// What comes in Authorization counts, good or bad; a certificate stands for somebody where there is nothing of the
// kind. Only for personal tokens and keys the store may have to be asked.
Task<Result<api::Caller>> Bearers::authenticate(const api::Request& request) {
  const Error nobody(sqlstate::invalid_authorization_specification, "the access token is missing, expired or revoked");
  if (!shared_.identity) co_return nobody;
  if (request.certificate && !request.headers.has("Authorization")) co_return by_certificate(request);
  if (request.bearer.empty()) co_return nobody;
  Result<identity::Bearer> bearer = nobody;
  const auto verify = [&] { bearer = shared_.identity->tokens().verify(request.bearer, wall_clock_us()); };
  if (request.bearer.starts_with("dbg_")) {
    co_await net::run_on(shared_.identity->blocking(), [&]() -> Task<> {
      verify();
      co_return;
    });
  } else {
    verify();
  }
  if (!bearer) co_return bearer.error();
  const auto snapshot = shared_.current.get();
  api::Caller caller;
  caller.user = bearer->user;
  caller.token_id = bearer->token_id;
  caller.credential = bearer->credential;
  caller.scopes = bearer->scopes;
  caller.expires = bearer->expires_us / second_us;
  caller.groups = groups_of(*snapshot, bearer->user);
  if (bearer->may("admin")) caller.roles = roles_of(*snapshot, bearer->user);
  co_return caller;
}

Result<api::Caller> Bearers::by_certificate(const api::Request& request) {
  const Error nobody(sqlstate::invalid_authorization_specification, "the certificate stands for nobody");
  const auto snapshot = shared_.current.get();
  const std::string user = user_of(*request.certificate, *snapshot);
  const auto credential = certified(user, *request.certificate, *snapshot);
  if (user.empty() || !credential) return nobody;
  if (shared_.identity->lost() && snapshot->stored.contains(user)) {
    return Error(sqlstate::connection_failure, "the identity store cannot be reached");
  }
  if (credential->expires != 0 && credential->expires <= wall_clock_us() / second_us) return nobody;
  DBGATE_CHECK(note(user, credential->id, request.address));
  api::Caller caller;
  caller.user = user;
  caller.credential = credential->id;
  caller.certificate = credential->certificate;
  caller.expires = credential->expires;
  caller.groups = groups_of(*snapshot, user);
  caller.roles = roles_of(*snapshot, user);
  return caller;
}

// There is no step of signing in, so that its first request is what the audit log has.
Result<> Bearers::note(const std::string& user, const std::string& credential, const std::string& address) {
  const std::int64_t now = wall_clock_us();
  if (noted_us_.size() >= most_noted) noted_us_.clear();
  std::int64_t& last = noted_us_[credential + " " + user + " " + address];
  if (now - last < note_each_us) return boost::system::in_place_value;
  session::SessionInfo info;
  info.user = user;
  info.auth_method = "certificate";
  info.client.host = address;
  info.credential.id = credential;
  DBGATE_CHECK(chain_.append("auth.ok", session::sign_in_fields(info)));
  const auto written = chain_.commit();
  if (!written) return written.error();
  last = now;
  return boost::system::in_place_value;
}

}  // namespace dbgate::app
