#include "config/extension.h"

#include <algorithm>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::size_t max_text_bytes = 1u << 20;

Report stored_report(const std::string& file, const std::string& directory) {
  Report report;
  report.sources = {{file, 0}};
  report.directory = directory;
  report.origin = Origin::store;
  report.open_names = true;
  return report;
}

// Reads `text` by `read`; mistakes go to the report.
template <class Read>
void read_yaml(const std::string& text, const std::string& path, Report& report, Read read) {
  if (text.size() > max_text_bytes) return report.error(YAML::Mark(), path, "is larger than 1MiB");
  try {
    const Value value(YAML::Load(text), path, report);
    if (value.is_map()) return read(value);
    report.error(YAML::Mark(), path, "must be a map of settings");
  } catch (const YAML::Exception& problem) {
    report.error(problem.mark, path, problem.msg);
  }
}

bool has_target(const Config& config, const std::string& name) {
  return std::any_of(config.targets.begin(), config.targets.end(),
                     [&name](const Target& target) { return target.name == name; });
}

// Empty: it cannot be used.
std::optional<Target> read_stored(const Config& config, const StoredTarget& stored, Report& report) {
  for (const Target& target : config.targets) {
    if (!target.upstream.ca_file.empty()) report.files.push_back(target.upstream.ca_file);
  }
  std::optional<Target> target;
  read_yaml(stored.settings, "targets." + stored.name, report,
            [&](const Value& value) { target = read_target(stored.name, value, config); });
  if (has_target(config, stored.name))
    report.error(YAML::Mark(), "targets." + stored.name, "the configuration file has a target of this name");
  if (target && target->engine != EngineKind::postgresql)
    report.error(YAML::Mark(), "targets." + stored.name, "must be of engine postgresql");
  if (report.failed || !target) return {};
  if (stored.password) target->upstream.password = *stored.password;
  return target;
}

void read_stored_policies(const std::string& text, Config& config, Report& report) {
  std::vector<std::string> names;
  for (const Policy& policy : config.policies)
    names.push_back(policy.name);
  const std::size_t own = names.size();
  read_yaml(text, "", report, [&](const Value& value) {
    value.expect_keys({"policies", "requests", "tests"});
    read_policies(value["policies"], config);
    read_offers(value["requests"], config);
    read_tests(value["tests"], config.tests);
    for (std::size_t i = own; i < config.policies.size(); ++i) {
      const std::string& name = config.policies[i].name;
      if (std::find(names.begin(), names.end(), name) != names.end())
        value["policies"].error("there is another policy \"" + name + "\"");
      names.push_back(name);
    }
  });
}

void append(std::vector<Problem>& problems, Report& report) {
  problems.insert(problems.end(), report.problems.begin(), report.problems.end());
}

// Without those that are there already.
void add_names(std::vector<std::string>& all, const std::vector<std::string>& further) {
  const std::size_t own = all.size();
  for (const std::string& name : further) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(own);
    if (std::find(all.begin(), end, name) == end) all.push_back(name);
  }
}

void add_credentials(User& user, const Extension& extension) {
  const auto found = extension.credentials.find(user.name);
  if (found == extension.credentials.end()) return;
  user.scram_salt = found->second.scram_salt;
  user.scram_iterations = found->second.scram_iterations;
  user.database_passwords = found->second.database_passwords;
  add_names(user.certificates, found->second.certificates);
}

void add_users(Config& config, const Extension& extension) {
  std::vector<std::string> known;
  for (const User& user : config.users)
    known.push_back(user.name);
  std::sort(known.begin(), known.end());
  for (const User& user : extension.users) {
    if (std::binary_search(known.begin(), known.end(), user.name)) continue;
    config.users.push_back(user);
    config.users.back().stored = true;
  }
  for (User& user : config.users)
    add_credentials(user, extension);
  for (const auto& [group, members] : extension.groups)
    add_names(config.groups[group], members);
  for (const auto& [role, holders] : extension.roles) {
    add_names(config.roles[role].users, holders.users);
    add_names(config.roles[role].groups, holders.groups);
  }
  config.ended_credentials.insert(extension.ended_credentials.begin(), extension.ended_credentials.end());
}

}  // namespace

Extended extend(Config file, const Extension& extension, const std::string& directory) {
  Extended extended;
  extended.config = std::move(file);
  Config& config = extended.config;
  add_users(config, extension);
  config.access = extension.access;
  std::vector<Target> further;
  for (const StoredTarget& stored : extension.targets) {
    Report report = stored_report("target " + stored.name, directory);
    auto target = read_stored(config, stored, report);
    append(extended.problems, report);
    if (target) {
      further.push_back(std::move(*target));
    } else {
      extended.unusable_targets.push_back(stored.name);
    }
  }
  for (Target& target : further)
    config.targets.push_back(std::move(target));
  if (!extension.policies.empty()) {
    Report report = stored_report(extension.policies_name, directory);
    read_stored_policies(extension.policies, config, report);
    append(extended.problems, report);
    // A deny rule that cannot be read must not let through what it would have stopped.
    if (report.failed) {
      config.policies.clear();
      config.offers.clear();
      extended.policies_usable = false;
    }
  }
  return extended;
}

std::vector<Problem> check_target(const Config& config, const StoredTarget& target, const std::string& directory) {
  Report report = stored_report("target " + target.name, directory);
  static_cast<void>(read_stored(config, target, report));
  return std::move(report.problems);
}

std::vector<Problem> check_policies(const Config& config, const std::string& text, const std::string& name) {
  Report report = stored_report(name, "");
  Config with = config;
  read_stored_policies(text, with, report);
  return std::move(report.problems);
}

}  // namespace dbgate::config
