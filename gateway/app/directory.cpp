#include "gateway/app/directory.h"

#include <map>
#include <set>

#include "gateway/audit/chain.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::size_t version_characters = 12;

config::User user_of(const store::User& stored) {
  config::User user;
  user.name = stored.name;
  user.kind = static_cast<config::PrincipalKind>(stored.kind);
  user.attributes = stored.attributes;
  user.wire = stored.wire_login == store::WireLogin::token ? config::WireSignIn::token : config::WireSignIn::password;
  return user;
}

void add_credentials(const store::Directory& directory, config::Extension& extension,
                     const std::set<std::string_view>& inactive) {
  for (const store::ScramSalt& salt : directory.scram_salts) {
    if (inactive.contains(salt.user)) continue;
    config::StoredCredentials& credentials = extension.credentials[salt.user];
    credentials.scram_salt = salt.salt;
    credentials.scram_iterations = salt.iterations;
  }
  for (const store::DatabasePassword& password : directory.database_passwords) {
    const auto found = extension.credentials.find(password.user);
    if (found == extension.credentials.end()) continue;
    found->second.database_passwords.push_back(
        {password.id, password.stored_key, password.server_key, password.target, password.expires_us / second_us});
  }
  for (const store::CertificateName& name : directory.certificate_names) {
    if (!inactive.contains(name.user)) extension.credentials[name.user].certificates.push_back(name.value);
  }
  for (const store::EndedCredential& ended : directory.ended)
    extension.ended_credentials.insert(ended.credential);
}

// Everything that rules are made of, so that the same text stands for the same rules. Lengths keep parts apart.
class Described {
 public:
  void add(std::string_view part) {
    text_ += std::to_string(part.size());
    text_ += ':';
    text_ += part;
  }
  std::string hash() const { return audit::sha256_hex(text_).substr(0, version_characters); }

 private:
  std::string text_;
};

std::string version_of(const config::Extension& extension) {
  Described all;
  for (const config::User& user : extension.users) {
    all.add(user.name);
    for (const auto& [name, value] : user.attributes) {
      all.add(name);
      all.add(value);
    }
  }
  for (const auto& [group, members] : extension.groups) {
    all.add("group " + group);
    for (const std::string& member : members)
      all.add(member);
  }
  for (const auto& [role, holders] : extension.roles) {
    all.add("role " + role);
    for (const std::string& user : holders.users)
      all.add(user);
    all.add("groups");
    for (const std::string& group : holders.groups)
      all.add(group);
  }
  for (const config::StoredTarget& target : extension.targets) {
    all.add("target " + target.name);
    all.add(target.settings);
    all.add(target.password.value_or(""));
  }
  all.add(extension.policies);
  return all.hash();
}

bool is_empty(const config::Extension& extension) {
  return extension.users.empty() && extension.groups.empty() && extension.roles.empty() && extension.targets.empty() &&
         extension.policies.empty();
}

}  // namespace

config::Extension extension_of(const store::Directory& directory) {
  config::Extension extension;
  std::set<std::string_view> inactive;
  for (const store::User& user : directory.users) {
    if (user.state == store::UserState::active) {
      extension.users.push_back(user_of(user));
    } else {
      inactive.insert(user.name);
    }
  }
  for (const store::Group& group : directory.groups)
    extension.groups[group.name];
  for (const store::Membership& membership : directory.memberships) {
    if (!inactive.contains(membership.user)) extension.groups[membership.group].push_back(membership.user);
  }
  for (const store::RoleGrant& grant : directory.roles) {
    config::RoleHolders& holders = extension.roles[grant.role];
    const bool to_user = grant.kind == store::SubjectKind::user;
    if (!to_user) holders.groups.push_back(grant.subject);
    if (to_user && !inactive.contains(grant.subject)) holders.users.push_back(grant.subject);
  }
  for (const store::Target& target : directory.targets) {
    if (target.password_unreadable) {
      log::error("identity", "no key of the configuration opens a target's password", {{"target", target.name}});
      continue;
    }
    extension.targets.push_back({target.name, target.settings, target.password});
  }
  if (directory.policy) {
    extension.policies = directory.policy->text;
    extension.policies_name = "policy version " + std::to_string(directory.policy->number);
  }
  for (const store::AccessRequest& request : directory.access) {
    if (inactive.contains(request.user)) continue;
    extension.access.push_back({request.id, request.user, request.target, request.offer, request.tables, request.verbs,
                                request.break_glass, request.starts_us / second_us, request.ends_us / second_us});
  }
  add_credentials(directory, extension, inactive);
  return extension;
}

config::Config composed(const config::Config& file, const store::Directory* directory,
                        const std::string& config_directory) {
  if (directory == nullptr) return file;
  const config::Extension extension = extension_of(*directory);
  config::Extended extended = config::extend(file, extension, config_directory);
  for (const config::Problem& problem : extended.problems) {
    const std::string text = problem.line_text();
    log::write(problem.warning ? log::Level::warn : log::Level::error, "config", text, {});
  }
  if (!extended.policies_usable) {
    log::error("config", "the active policies cannot be read: nobody may do anything until another version is active",
               {{"policies", extension.policies_name}});
  }
  if (!is_empty(extension)) extended.config.version += "-" + version_of(extension);
  return std::move(extended.config);
}

Result<std::shared_ptr<Snapshot>> snapshot_of(const config::Config& file, const store::Directory* directory,
                                              const std::string& config_directory, const Snapshot* previous) {
  config::Config config = composed(file, directory, config_directory);
  if (directory == nullptr || !directory->policy) return make_snapshot(std::move(config), previous);
  auto snapshot = make_snapshot(config, previous);
  if (snapshot) return snapshot;
  const Error why = snapshot.error();
  log::error("config", "the active policies cannot be used: nobody may do anything until another version is active",
             {{"policies", "version " + std::to_string(directory->policy->number)}, {"err", why.message()}});
  config.policies.clear();
  config.offers.clear();
  config.version += "-none";
  return make_snapshot(std::move(config), previous);
}

}  // namespace dbgate::app
