#include <boost/json.hpp>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/settings.h"
#include "cli/table/suggest.h"

namespace dbgate::cli {
namespace {

int list(const Call& call) {
  const Settings settings = load_settings();
  Listing listing{{"name", "url", "current"}, {}, {"ca_file", "output"}};
  listing.empty = "there is no profile; dbgate config set url URL --profile NAME makes one";
  for (const auto& [name, values] : settings.profiles) {
    boost::json::object item{{"name", name}, {"url", nullptr}, {"current", name == call.options.profile}};
    for (const auto& [setting, value] : values)
      item[setting] = value;
    listing.items.push_back(std::move(item));
  }
  print_listing(call.options, listing);
  return 0;
}

int use(const Call& call) {
  Settings settings = load_settings();
  const std::string name = call.text("NAME");
  if (!settings.profiles.contains(name)) {
    std::vector<std::string> known;
    for (const auto& [one, values] : settings.profiles)
      known.push_back(one);
    throw Problem{Exit::not_found, "there is no profile \"" + name + "\"",
                  suggestion(name, known, "dbgate profile list")};
  }
  settings.general["profile"] = name;
  save_settings(settings);
  std::cerr << "profile " << name << " is in force\n";
  return 0;
}

}  // namespace

Verbs profile_verbs() {
  Verb all{"profile list", "list named gateways"};
  all.run = list;
  Verb one{"profile use", "put a profile in force", {{"NAME", Kind::profile, "the profile"}}};
  one.exits = {3};
  one.run = use;
  return {all, one};
}

}  // namespace dbgate::cli
