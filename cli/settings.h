#pragma once
#include <map>
#include <string>
#include <vector>

#include "cli/table/verb.h"

namespace dbgate::cli {

/// config.yaml: settings, and named profiles that override them.
struct Settings {
  using Values = std::map<std::string, std::string>;
  Values general;
  std::map<std::string, Values> profiles;
};

/// The names that may be set, and what they mean.
const std::vector<std::pair<std::string, std::string>>& setting_names();

std::string settings_path();
/// Empty if there is no file. Throws Problem: bad YAML with its line, unknown names, a file that others can write.
Settings load_settings();
void save_settings(const Settings& settings);
/// Throws Problem (usage) for a name that is not a setting.
void require_setting(const std::string& name);
/// The same, and for a value that the setting cannot have.
void check_setting(const std::string& name, const std::string& value);

/// Options by precedence: flags of the call, environment, profile, settings, defaults.
Options resolve_options(const Call& call, const Settings& settings);

}  // namespace dbgate::cli
