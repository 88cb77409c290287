#include "gateway/policy/engine.h"

#include <algorithm>

#include "gateway/policy/grants.h"

namespace dbgate::policy {

PolicySet::PolicySet(const config::Config& config) {
  std::map<std::string, std::map<std::string, std::shared_ptr<Grants>>> building;
  for (const config::Policy& policy : config.policies) {
    std::vector<std::string> users = policy.users;
    for (const std::string& group : policy.groups) {
      const auto members = config.groups.find(group);
      if (members != config.groups.end()) users.insert(users.end(), members->second.begin(), members->second.end());
    }
    std::sort(users.begin(), users.end());
    users.erase(std::unique(users.begin(), users.end()), users.end());
    for (const std::string& user : users) {
      for (const std::string& target : policy.targets) {
        auto& grants = building[user][target];
        if (!grants) grants = std::make_shared<Grants>();
        for (std::size_t i = 0; i < policy.allow.size(); ++i) {
          grants->allow.add(policy.allow[i], policy.name + "/allow[" + std::to_string(i) + "]", RuleSet::Side::allow);
        }
        for (std::size_t i = 0; i < policy.deny.size(); ++i) {
          grants->deny.add(policy.deny[i], policy.name + "/deny[" + std::to_string(i) + "]", RuleSet::Side::deny);
        }
      }
    }
  }
  for (auto& [user, targets] : building) {
    for (auto& [target, grants] : targets)
      by_user_[user][target] = std::move(grants);
  }
}

std::shared_ptr<const Grants> PolicySet::grants(std::string_view user, std::string_view target) const {
  const auto targets = by_user_.find(user);
  if (targets == by_user_.end()) return nullptr;
  const auto found = targets->second.find(target);
  return found == targets->second.end() ? nullptr : found->second;
}

}  // namespace dbgate::policy
