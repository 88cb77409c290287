#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/loader.h"

// What the store adds to a configuration file. The file wins: nothing here changes what it says.
namespace dbgate::config {

/// A target that came by the API. Its settings may not name secrets, sockets, listeners or files of the gateway's
/// machine, but for CA files that the configuration file names too; the environment is not read.
struct StoredTarget {
  std::string name;
  std::string settings;  ///< a target as in the file, as YAML (or JSON, which is YAML)
  std::optional<std::string> password;
};

/// What a user of the store or of the file signs in with, beside the file.
struct StoredCredentials {
  std::string scram_salt;  ///< raw bytes
  int scram_iterations = 4096;
  std::vector<DatabasePassword> database_passwords;
  std::vector<std::string> certificates;
};

struct Extension {
  std::vector<User> users;                               ///< without verifiers
  std::map<std::string, StoredCredentials> credentials;  ///< by user
  std::map<std::string, RoleHolders> roles;              ///< further holders
  std::set<std::string, std::less<>> ended_credentials;
  std::map<std::string, std::vector<std::string>> groups;  ///< further groups, or further members of the file's
  std::vector<StoredTarget> targets;
  std::vector<AccessGrant> access;
  std::string policies;       ///< YAML: a map with `policies`, perhaps `requests` and `tests`; empty: none
  std::string policies_name;  ///< stands for a file's name in problems
};

struct Extended {
  Config config;
  std::vector<Problem> problems;
  std::vector<std::string> unusable_targets;  ///< left out: their settings have errors
  bool policies_usable = true;  ///< false: the configuration has no policies at all, so nobody may anything
};

/// @param file  as loaded. Unknown users, groups and targets in policies are warned of: they may come.
Extended extend(Config file, const Extension& extension, const std::string& directory);

/// What is wrong with one target's settings, or with a text of policies, beside a configuration. Used before they are
/// stored.
std::vector<Problem> check_target(const Config& config, const StoredTarget& target, const std::string& directory);
std::vector<Problem> check_policies(const Config& config, const std::string& text, const std::string& name);

}  // namespace dbgate::config
