#include <fcntl.h>
#include <unistd.h>

#include <iostream>
#include <set>

#include "cli/commands/commands.h"
#include "cli/commands/targets.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/settings.h"
#include "cli/table/topics.h"
#include "cli/tunnel/control.h"

namespace dbgate::cli {
namespace {

constexpr std::size_t most_approvals = 200;
constexpr int wait_steps = 6;
constexpr useconds_t step_microseconds = 10'000;

boost::json::array names_of(Api& api, const std::string& kind) {
  if (kind == "user") return api.users();
  if (kind == "group") return api.groups();
  if (kind == "service") return api.service_accounts();
  if (kind == "approval") return api.approvals({{"state", "pending"}}, most_approvals);
  if (kind == "access") return api.access_requests({}, most_approvals);
  return api.targets();
}

// A process of its own asks the gateway, so that the shell need not wait. It has no terminal and asks nobody anything.
void renew_cache(const Call& call, const std::string& kind) {
  const pid_t child = ::fork();
  if (child != 0) return;
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::dup2(nothing, descriptor);
  try {
    Api api(call.options);
    cache_names(call.options, kind, names_of(api, kind));
  } catch (const std::exception&) {
  } catch (const Problem& problem) {
    // Who may not see them is not asked about again for a while.
    if (problem.exit == Exit::denied) cache_names(call.options, kind, {});
  }
  ::_exit(0);
}

std::vector<std::string> names(const Call& call, const std::string& kind) {
  bool fresh = false;
  std::vector<std::string> names = cached_names(call.options, kind, fresh);
  if (fresh) return names;
  renew_cache(call, kind);
  // Old names are better than none; without any, a near gateway may have answered by the time a person would notice.
  for (int step = 0; names.empty() && !fresh && step < wait_steps; ++step) {
    ::usleep(step_microseconds);
    names = cached_names(call.options, kind, fresh);
  }
  return names;
}

std::vector<std::string> values_of(const Call& call, const std::string& kind) {
  std::vector<std::string> values;
  const bool asked_for = kind == "target" || kind == "user" || kind == "group" || kind == "service";
  if (asked_for || kind == "approval" || kind == "access") return names(call, kind);
  if (kind == "profile") {
    for (const auto& [name, settings] : load_settings().profiles)
      values.push_back(name);
  } else if (kind == "tunnel") {
    for (const LiveTunnel& tunnel : live_tunnels())
      values.push_back(text_at(tunnel.status, "name"));
  } else if (kind == "setting") {
    for (const auto& [name, meaning] : setting_names())
      values.push_back(name);
  } else if (kind == "topic") {
    std::set<std::string> words;
    for (const Topic& topic : topics())
      words.insert(topic.name);
    for (const Verb& verb : command_table().verbs)
      if (!verb.hidden) words.insert(verb.path.substr(0, verb.path.find(' ')));
    values.assign(words.begin(), words.end());
  }
  return values;
}

int complete(const Call& call) {
  const std::string prefix = call.text("PREFIX");
  try {
    for (const std::string& value : values_of(call, call.text("KIND")))
      if (value.starts_with(prefix)) std::cout << value << '\n';
  } catch (const Problem&) {
    // There is nobody to tell: the line that is being typed must stay as it is.
  }
  return 0;
}

}  // namespace

Verbs complete_verbs() {
  Verb verb{"__complete", "print values for completion"};
  verb.arguments = {
      {"KIND", Kind::text, "target, user, group, service, profile, tunnel, approval, access, setting or topic"},
      {"PREFIX", Kind::text, "what is typed already", false}};
  verb.hidden = true;
  verb.run = complete;
  return {verb};
}

}  // namespace dbgate::cli
