#include "gateway/api/administration.h"

#include <array>

#include "gateway/api/problem.h"
#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

constexpr std::int64_t retry_after_s = 5;

struct NamedRole {
  Role role;
  const char* name;
};
constexpr std::array<NamedRole, 5> roles{{{Role::admin, "admin"},
                                          {Role::user_admin, "user_admin"},
                                          {Role::target_admin, "target_admin"},
                                          {Role::policy_admin, "policy_admin"},
                                          {Role::auditor, "auditor"}}};

struct Meaning {
  SqlState error;
  const char* code;
};
const std::array<Meaning, 8> meanings{{{sqlstate::no_data, "not_found"},
                                       {sqlstate::undefined_object, "not_found"},
                                       {sqlstate::unique_violation, "conflict"},
                                       {sqlstate::invalid_parameter_value, "unprocessable"},
                                       {sqlstate::serialization_failure, "changed_meanwhile"},
                                       {sqlstate::insufficient_privilege, "not_permitted"},
                                       {sqlstate::feature_not_supported, "managed_by_configuration"},
                                       {sqlstate::object_not_in_prerequisite_state, "conflict"}}};

}  // namespace

ports::Actor actor_of(const Request& request) {
  ports::Actor actor;
  actor.address = request.address;
  if (!request.caller) return actor;
  actor.user = request.caller->user;
  for (const NamedRole& one : roles)
    if ((static_cast<unsigned>(request.caller->roles) & static_cast<unsigned>(one.role)) != 0)
      actor.roles.insert(one.name);
  return actor;
}

Response refused_by(const Request& request, const Error& why) {
  for (const Meaning& meaning : meanings)
    if (meaning.error == why.code()) return problem(request, meaning.code, why.message());
  if (why.code() == sqlstate::internal_error || why.code() == sqlstate::data_corrupted) {
    return problem(request, "internal_error", "the gateway failed");
  }
  return problem(request, "unavailable", why.message(), {.retry_after_seconds = retry_after_s});
}

}  // namespace dbgate::api
