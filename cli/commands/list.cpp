#include <algorithm>
#include <boost/json.hpp>

#include "cli/commands/access_text.h"
#include "cli/commands/commands.h"
#include "cli/commands/targets.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"
#include "cli/tunnel/control.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

// KEY=VALUE against the target's labels.
bool has_label(const json::value& target, const std::string& label) {
  const std::size_t equals = label.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Problem{Exit::usage, "--label: \"" + label + "\" is not KEY=VALUE", ""};
  }
  const json::value* labels = target.is_object() ? target.as_object().if_contains("labels") : nullptr;
  return labels != nullptr && text_at(*labels, label.substr(0, equals)) == label.substr(equals + 1);
}

int list(const Call& call) {
  Api api(call.options);
  json::array targets;
  {
    const Progress progress(call.options, "asking " + api.url().text());
    targets = api.targets();
  }
  cache_names(call.options, "target", targets);
  const std::vector<LiveTunnel> tunnels = live_tunnels();
  Listing listing{
      {"name", "engine", "engine_version", "databases", "access"}, {}, {"environment", "port", "for_a_time"}};
  listing.empty = "no target is open to you; ask an administrator of the gateway";
  bool environments = false, rights = false;
  for (json::value& target : targets) {
    if (call.has("env") && text_at(target, "environment") != call.text("env")) continue;
    bool fits = true;
    for (const std::string& label : call.list("label"))
      fits = fits && has_label(target, label);
    if (!fits) continue;
    environments = environments || !text_at(target, "environment").empty();
    const json::value* const for_a_time = target.as_object().if_contains("for_a_time");
    rights = rights || (for_a_time != nullptr && for_a_time->is_array() && !for_a_time->get_array().empty());
    spell_out_access(call.options, target.as_object(), "for_a_time");
    for (const LiveTunnel& tunnel : tunnels) {
      if (text_at(tunnel.status, "target") != text_at(target, "name")) continue;
      target.as_object()["port"] = tunnel.status.at("port");
      if (listing.columns.back() != "port") listing.columns.push_back("port");
    }
    listing.items.push_back(std::move(target));
  }
  if (rights) listing.columns.push_back("for_a_time");
  if (environments) listing.columns.insert(listing.columns.begin() + 1, "environment");
  std::erase_if(listing.more, [&listing](const std::string& name) {
    return std::find(listing.columns.begin(), listing.columns.end(), name) != listing.columns.end();
  });
  print_listing(call.options, listing);
  return 0;
}

}  // namespace

Verbs list_verbs() {
  Verb verb{"list", "list the targets that you may use"};
  verb.alias = "ls";
  verb.flags = {
      option("--env", Kind::text, "ENVIRONMENT", "of this environment"),
      options("--label", Kind::text, "KEY=VALUE", "with this label; may stand several times"),
  };
  verb.description =
      "Name, engine and its version, databases, access (read, write, approval), the environment where one is set, "
      "the local port of a live tunnel, and rights for a time that you have.";
  verb.examples = {{"dbgate list", "what may I use?"},
                   {"dbgate list -o json | jq -r '.[].name'", "names for a script"}};
  verb.exits = {4, 7};
  verb.run = list;
  return {verb};
}

}  // namespace dbgate::cli
