#include <boost/json.hpp>
#include <iostream>

#include "cli/commands/access_text.h"
#include "cli/commands/commands.h"
#include "cli/commands/targets.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

int show(const Call& call) {
  Api api(call.options);
  const std::string name = call.text("TARGET");
  json::object target = require_target(api, name);
  try {
    const json::value more = api.target(name);
    if (more.is_object()) {
      for (const auto& member : more.as_object())
        target[member.key()] = member.value();
    }
  } catch (const Problem& problem) {
    if (problem.status != 404 && problem.status != 403 && problem.status != 405) throw;  // the list says all there is
  }
  spell_out_access(call.options, target, "for_a_time");
  target["psql"] = "dbgate connect " + name + " --psql";
  target["command"] = "dbgate connect " + name + " -- COMMAND";
  print_object(call.options, target,
               {"name", "engine", "environment", "engine_version", "databases", "access", "for_a_time", "rules",
                "masks", "filters", "limits", "labels", "psql", "command"});
  return 0;
}

}  // namespace

Verbs show_verbs() {
  Verb verb{"show", "show a target: what you may do there and why, masks in force, how to connect"};
  verb.arguments = {{"TARGET", Kind::target, "the target"}};
  verb.examples = {{"dbgate show shop", "what may I do there?"}};
  verb.exits = {3, 4, 7};
  verb.run = show;
  return {verb};
}

}  // namespace dbgate::cli
