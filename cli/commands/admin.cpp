#include "cli/commands/admin.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "cli/output.h"

namespace dbgate::cli {

namespace json = boost::json;

void show_created(const Options& options, const json::value& created, const std::vector<std::string>& columns,
                  const std::string& secret) {
  if (!created.is_object()) return;
  const std::string value = text_at(created, secret);
  if (options.quiet && !value.empty()) {
    std::cout << value << '\n';
    return;
  }
  print_object(options, created.as_object(), columns);
  if (!value.empty()) std::cerr << secret << " is shown this one time; keep it where nobody else can read it\n";
}

json::object members_of(const Call& call, const std::vector<std::string>& flags) {
  json::object object;
  for (const std::string& flag : flags) {
    if (!call.has(flag)) continue;
    std::string member = flag;
    std::replace(member.begin(), member.end(), '-', '_');
    object[member] = call.text(flag);
  }
  return object;
}

void add_list(json::object& object, const std::string& member, const Call& call, const std::string& flag) {
  if (!call.has(flag)) return;
  json::array list;
  for (const std::string& one : call.list(flag))
    list.emplace_back(one);
  object[member] = std::move(list);
}

Flag scope_flag() {
  Flag flag = choice("--scope", "SCOPE", "read query connect approve account admin",
                     "what it may be used for (read, query, connect); also approve, account, admin; may stand several times");
  flag.many = true;
  return flag;
}

void add_scopes(json::object& object, const Call& call) {
  object["scopes"] = json::array{"read", "query", "connect"};
  add_list(object, "scopes", call, "scope");
}

void add_ttl(json::object& object, const Call& call) {
  constexpr std::chrono::seconds usual{90 * 86400};
  object["expires_in_seconds"] = call.duration("ttl", usual).count();
}

}  // namespace dbgate::cli
