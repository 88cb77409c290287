#include "cli/settings.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "cli/files.h"
#include "cli/problem.h"
#include "cli/table/suggest.h"

namespace dbgate::cli {
namespace {

const char* const formats = "table wide json jsonl csv tsv markdown aligned";

Problem unusable(const YAML::Mark& mark, const std::string& why) {
  std::string place = settings_path();
  if (!mark.is_null()) place += ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
  return {Exit::usage, place + ": " + why, "dbgate help files"};
}

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (const auto& [name, meaning] : setting_names())
    list.push_back(name);
  return list;
}

bool is_one_of(const std::string& value, const std::string& list) {
  return value.find(' ') == std::string::npos && (" " + list + " ").find(" " + value + " ") != std::string::npos;
}

void read_value(const YAML::Node& key, const YAML::Node& value, Settings::Values& values) {
  if (!value.IsScalar()) throw unusable(value.Mark(), key.Scalar() + " must be one value");
  try {
    check_setting(key.Scalar(), value.Scalar());
  } catch (Problem& problem) {
    Problem placed = unusable(key.Mark(), problem.cause);
    if (!problem.hint.empty()) placed.hint = problem.hint;
    throw placed;
  }
  values[key.Scalar()] = value.Scalar();
}

Settings read_settings(const YAML::Node& root) {
  Settings settings;
  if (root.IsNull() || !root.IsDefined()) return settings;
  if (!root.IsMap()) throw unusable(root.Mark(), "expected names and values");
  for (const auto& entry : root) {
    if (!entry.first.IsScalar()) throw unusable(entry.first.Mark(), "expected a name");
    if (entry.first.Scalar() != "profiles") {
      read_value(entry.first, entry.second, settings.general);
      continue;
    }
    if (!entry.second.IsMap()) throw unusable(entry.second.Mark(), "profiles must have names");
    for (const auto& profile : entry.second) {
      Settings::Values& values = settings.profiles[profile.first.Scalar()];
      if (profile.second.IsNull()) continue;
      if (!profile.second.IsMap()) throw unusable(profile.second.Mark(), "a profile must have names and values");
      for (const auto& setting : profile.second)
        read_value(setting.first, setting.second, values);
    }
  }
  return settings;
}

void emit(YAML::Emitter& out, const Settings::Values& values) {
  for (const auto& [name, value] : values)
    out << YAML::Key << name << YAML::Value << value;
}

/// Looks a setting up where it may stand, the strongest place first.
class Sources {
 public:
  Sources(const Call& call, const Settings& settings) : call_(call), settings_(settings) {}

  std::string profile() const {
    std::string name = call_.text("profile", environment("DBGATE_PROFILE"));
    if (name.empty()) name = find(settings_.general, "profile");
    // `config set` makes profiles; everything else needs one that is there.
    const bool makes = call_.verb != nullptr && call_.verb->path == "config set";
    if (name.empty() || settings_.profiles.contains(name) || makes) return name;
    std::vector<std::string> known;
    for (const auto& [one, values] : settings_.profiles)
      known.push_back(one);
    throw Problem{Exit::not_found, "there is no profile \"" + name + "\"",
                  suggestion(name, known, "dbgate profile list")};
  }

  std::string value(const std::string& profile, const char* setting, const char* flag, const char* variable,
                    const std::string& otherwise) const {
    if (flag != nullptr && call_.has(flag)) return call_.text(flag);
    const std::string from_environment = variable == nullptr ? std::string() : environment(variable);
    if (!from_environment.empty()) return from_environment;
    const auto found = settings_.profiles.find(profile);
    std::string text = found == settings_.profiles.end() ? std::string() : find(found->second, setting);
    if (text.empty()) text = find(settings_.general, setting);
    return text.empty() ? otherwise : text;
  }

 private:
  static std::string find(const Settings::Values& values, const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  }

  const Call& call_;
  const Settings& settings_;
};

}  // namespace

const std::vector<std::pair<std::string, std::string>>& setting_names() {
  static const std::vector<std::pair<std::string, std::string>> list{
      {"ca_file", "certificates to trust, PEM"},
      {"color", "auto, always or never"},
      {"credential_command", "keeps tokens: called with get, store or erase; JSON on its standard input and output"},
      {"credential_store", "where tokens are kept: file or command"},
      {"output", "the output format where none is asked for"},
      {"pager", "shows what is longer than the terminal"},
      {"profile", "the profile in force where none is asked for"},
      {"psql", "the psql to run"},
      {"url", "the gateway"},
  };
  return list;
}

std::string settings_path() {
  return config_directory() + "/config.yaml";
}

void require_setting(const std::string& name) {
  const std::vector<std::string> known = names();
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  throw Problem{Exit::usage, "there is no setting \"" + name + "\"", suggestion(name, known, "dbgate config get")};
}

void check_setting(const std::string& name, const std::string& value) {
  require_setting(name);
  const auto refuse = [&](const std::string& wanted) {
    throw Problem{Exit::usage, name + ": \"" + value + "\" is not " + wanted, ""};
  };
  if (name == "url") parse_gateway_url(value);
  if (name == "output" && !is_one_of(value, formats)) refuse(std::string("one of ") + formats);
  if (name == "color" && !is_one_of(value, "auto always never")) refuse("auto, always or never");
  if (name == "credential_store" && value == "keyring") {
    throw Problem{Exit::usage, "credential_store: keyring is not available in this build", "use file or command"};
  }
  if (name == "credential_store" && !is_one_of(value, "file command")) refuse("file or command");
}

Settings load_settings() {
  const std::string text = read_trusted_file(settings_path());
  try {
    return read_settings(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    throw unusable(error.mark, error.msg);
  }
}

void save_settings(const Settings& settings) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  emit(out, settings.general);
  if (!settings.profiles.empty()) {
    out << YAML::Key << "profiles" << YAML::Value << YAML::BeginMap;
    for (const auto& [name, values] : settings.profiles) {
      out << YAML::Key << name << YAML::Value << YAML::BeginMap;
      emit(out, values);
      out << YAML::EndMap;
    }
    out << YAML::EndMap;
  }
  out << YAML::EndMap;
  made_private(config_directory());
  write_private_file(settings_path(), std::string(out.c_str()) + "\n");
}

Options resolve_options(const Call& call, const Settings& settings) {
  const Sources from(call, settings);
  Options options;
  options.profile = from.profile();
  const std::string& in = options.profile;
  options.url = from.value(in, "url", "url", "DBGATE_URL", "");
  options.ca_file = from.value(in, "ca_file", "ca-file", "DBGATE_CA_FILE", "");
  options.output = from.value(in, "output", "output", "DBGATE_OUTPUT", "");
  if (!options.output.empty()) check_setting("output", options.output);
  options.color = from.value(in, "color", "color", nullptr, "auto");
  options.psql = from.value(in, "psql", nullptr, "DBGATE_PSQL", "psql");
  const std::string usual_pager = environment("PAGER").empty() ? "less -RX" : environment("PAGER");
  options.pager = from.value(in, "pager", nullptr, "DBGATE_PAGER", usual_pager);
  options.credential_store = from.value(in, "credential_store", nullptr, nullptr, "file");
  options.credential_command = from.value(in, "credential_command", nullptr, nullptr, "");
  options.fields = call.text("fields");
  options.no_headers = call.has("no-headers");
  options.quiet = call.has("quiet");
  options.insecure = call.has("insecure");
  options.debug = call.has("debug") || !environment("DBGATE_DEBUG").empty();
  options.no_input = call.has("no-input") || !environment("DBGATE_NO_INPUT").empty();
  return options;
}

}  // namespace dbgate::cli
