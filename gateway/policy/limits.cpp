#include "gateway/policy/limits.h"

#include <algorithm>

namespace dbgate::policy {
namespace {

using config::Rate;
using config::TrafficLimits;

/// Who sets limits: `prefix` of rule ids, and the same for people.
struct Source {
  std::string prefix;
  std::string by;
};

bool is_set(std::size_t value) {
  return value > 0;
}
bool is_set(std::chrono::milliseconds value) {
  return value.count() > 0;
}
bool is_set(const Rate& rate) {
  return rate.count > 0;
}

bool stricter(std::size_t a, std::size_t b) {
  return a < b;
}
bool stricter(std::chrono::milliseconds a, std::chrono::milliseconds b) {
  return a < b;
}
// Bursts go with the rate, so one of two rates is stricter in every respect.
bool stricter(const Rate& a, const Rate& b) {
  return static_cast<std::size_t>(b.per.count()) * a.count < static_cast<std::size_t>(a.per.count()) * b.count;
}

template <class T>
void tighten(Limit<T>& limit, const T& value, const Source& source, const char* key) {
  if (!is_set(value) || (limit.set() && !stricter(value, limit.value))) return;
  limit = {value, source.prefix + "/limits." + key, source.by};
}

void tighten_statement_limits(LimitSet& set, const TrafficLimits& limits, const Source& source) {
  tighten(set.rows, limits.rows, source, "rows");
  tighten(set.bytes, limits.bytes, source, "bytes");
  tighten(set.statement_timeout, limits.statement_timeout, source, "statement_timeout");
  tighten(set.idle_in_transaction, limits.idle_in_transaction, source, "idle_in_transaction");
  tighten(set.statement_bytes, limits.statement_bytes, source, "statement_bytes");
}

LimitSet limits_of(const config::Target& target) {
  const Source source{"targets." + target.name, "target \"" + target.name + "\""};
  LimitSet set;
  tighten_statement_limits(set, target.limits, source);
  tighten(set.target_concurrent, target.limits.concurrent, source, "concurrent");
  tighten(set.target_rate, target.limits.rate, source, "rate");
  return set;
}

void tighten_by_policy(LimitSet& set, const config::Policy& policy) {
  const Source source{policy.name, "policy \"" + policy.name + "\""};
  tighten_statement_limits(set, policy.limits, source);
  tighten(set.concurrent, policy.limits.concurrent, source, "concurrent");
  tighten(set.rate, policy.limits.rate, source, "rate");
  if (policy.recorded.rows > 0) {
    set.recorded.rows = std::max(set.recorded.rows, policy.recorded.rows);
    set.recorded.bytes = std::max(set.recorded.bytes, policy.recorded.bytes);
  }
}

bool any(const LimitSet& set) {
  return set.counts_results() || set.statement_timeout.set() || set.idle_in_transaction.set() ||
         set.statement_bytes.set() || set.concurrent.set() || set.rate.set() || set.target_concurrent.set() ||
         set.target_rate.set() || set.recorded.rows > 0;
}

}  // namespace

LimitTable::LimitTable(const config::Config& config) {
  std::map<std::string, LimitSet> of_targets;
  for (const config::Target& target : config.targets)
    of_targets[target.name] = limits_of(target);
  std::map<std::string, std::map<std::string, LimitSet>> building;
  for (const config::Policy& policy : config.policies) {
    std::vector<std::string> users = policy.users;
    for (const std::string& group : policy.groups) {
      const auto members = config.groups.find(group);
      if (members != config.groups.end()) users.insert(users.end(), members->second.begin(), members->second.end());
    }
    for (const std::string& user : users) {
      for (const std::string& target : policy.targets) {
        LimitSet& set = building[user].try_emplace(target, of_targets[target]).first->second;
        tighten_by_policy(set, policy);
      }
    }
  }
  for (auto& [user, targets] : building) {
    for (auto& [target, set] : targets) {
      if (any(set)) by_user_[user][target] = std::make_shared<const LimitSet>(std::move(set));
    }
  }
}

std::shared_ptr<const LimitSet> LimitTable::find(std::string_view user, std::string_view target) const {
  const auto targets = by_user_.find(user);
  if (targets == by_user_.end()) return nullptr;
  const auto found = targets->second.find(target);
  return found == targets->second.end() ? nullptr : found->second;
}

}  // namespace dbgate::policy
