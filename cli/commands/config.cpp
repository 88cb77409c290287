#include <boost/json.hpp>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/settings.h"

namespace dbgate::cli {
namespace {

// Settings of the profile that --profile names, else the general ones.
Settings::Values& values_of(const Call& call, Settings& settings) {
  return call.has("profile") ? settings.profiles[call.text("profile")] : settings.general;
}

int get(const Call& call) {
  Settings settings = load_settings();
  const Settings::Values& values = values_of(call, settings);
  const std::string name = call.text("NAME");
  if (!name.empty()) {
    require_setting(name);
    if (!values.contains(name))
      throw Problem{Exit::not_found, name + " is not set", "dbgate config set " + name + " VALUE"};
    if (wants_json(call.options)) {
      print_json(boost::json::object{{"name", name}, {"value", values.at(name)}});
    } else {
      std::cout << values.at(name) << '\n';
    }
    return 0;
  }
  Listing listing{{"name", "value"}, {}, {"meaning"}};
  for (const auto& [one, meaning] : setting_names()) {
    const auto found = values.find(one);
    boost::json::object item{{"name", one}, {"value", nullptr}, {"meaning", meaning}};
    if (found != values.end()) item["value"] = found->second;
    listing.items.push_back(std::move(item));
  }
  print_listing(call.options, listing);
  return 0;
}

int set(const Call& call) {
  Settings settings = load_settings();
  const std::string name = call.text("NAME");
  check_setting(name, call.text("VALUE"));
  if (name == "profile" && call.has("profile")) throw Problem{Exit::usage, "a profile cannot name another one", ""};
  if (name == "profile" && !settings.profiles.contains(call.text("VALUE"))) {
    throw Problem{Exit::not_found, "there is no profile \"" + call.text("VALUE") + "\"", "dbgate profile list"};
  }
  values_of(call, settings)[name] = call.text("VALUE");
  save_settings(settings);
  return 0;
}

int unset(const Call& call) {
  Settings settings = load_settings();
  const std::string name = call.text("NAME");
  require_setting(name);
  Settings::Values& values = values_of(call, settings);
  values.erase(name);
  if (call.has("profile") && values.empty()) settings.profiles.erase(call.text("profile"));
  save_settings(settings);
  return 0;
}

int path(const Call& /*call*/) {
  std::cout << settings_path() << '\n';
  return 0;
}

}  // namespace

Verbs config_verbs() {
  const Argument name{"NAME", Kind::setting, "the setting"};
  Verb read{"config get", "print a setting, or all", {{"NAME", Kind::setting, "the setting", false}}};
  read.description = "With --profile, the settings of that profile.";
  read.exits = {3};
  read.run = get;
  Verb write{"config set", "change a setting", {name, {"VALUE", Kind::text, "its value"}}};
  write.description = "With --profile, in that profile, which is made if it is not there.";
  write.examples = {{"dbgate config set output json", "for every verb"},
                    {"dbgate config set url https://gw.example.com --profile prod", "a profile"}};
  write.run = set;
  Verb away{"config unset", "forget a setting", {name}};
  away.run = unset;
  Verb where{"config path", "print where the settings are"};
  where.run = path;
  return {read, write, away, where};
}

}  // namespace dbgate::cli
