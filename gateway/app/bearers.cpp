#include "gateway/app/bearers.h"

#include <algorithm>

#include "gateway/app/identity.h"
#include "gateway/base/clock.h"

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

// Only for personal tokens and keys the store may have to be asked.
Task<Result<api::Caller>> Bearers::authenticate(const api::Request& request) {
  const Error nobody(sqlstate::invalid_authorization_specification, "the access token is missing, expired or revoked");
  if (request.bearer.empty() || !shared_.identity) co_return nobody;
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

}  // namespace dbgate::app
