#include "cli/commands/targets.h"

#include <sys/stat.h>

#include <boost/json.hpp>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/files.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/table/suggest.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t cache_seconds = 300;
constexpr std::int64_t approvals_seconds = 5;  // they come and go

[[noreturn]] void refuse(const std::string& name, const json::array& targets) {
  std::vector<std::string> names;
  std::string list;
  for (const json::value& target : targets) {
    names.push_back(text_at(target, "name"));
    list += (list.empty() ? "you may use: " : ", ") + names.back();
  }
  if (list.empty()) list = "no target is open to you; ask an administrator of the gateway";
  throw Problem{Exit::not_found, "there is no target \"" + name + "\" for you", suggestion(name, names, list)};
}

// Of these there are no names.
bool has_ids(const std::string& kind) {
  return kind == "approval" || kind == "access";
}

// One file for each gateway and profile; the name says nothing to anybody but this program.
std::string cache_path(const Options& options, const std::string& kind) {
  std::string key = options.profile + "|" + options.url;
  for (char& c : key)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return cache_directory() + "/" + kind + "s-" + key.substr(0, 150) + ".json";
}

}  // namespace

json::object require_target(Api& api, const std::string& name) {
  const json::array targets = api.targets();
  cache_names(api.options(), "target", targets);
  for (const json::value& target : targets)
    if (text_at(target, "name") == name) return target.as_object();
  refuse(name, targets);
}

void no_target(Api& api, const std::string& name) {
  refuse(name, api.targets());
}

std::vector<std::string> cached_names(const Options& options, const std::string& kind, bool& fresh) {
  const std::string path = cache_path(options, kind);
  struct stat status {};
  const std::int64_t keep = has_ids(kind) ? approvals_seconds : cache_seconds;
  fresh = ::stat(path.c_str(), &status) == 0 && std::time(nullptr) - status.st_mtime < keep;
  std::vector<std::string> names;
  boost::system::error_code failed;
  const std::string text = read_private_file(path);
  const json::value parsed = text.empty() ? json::array() : json::parse(text, failed);
  if (failed || !parsed.is_array()) return names;
  for (const json::value& name : parsed.as_array())
    if (name.is_string()) names.emplace_back(name.as_string());
  return names;
}

void cache_names(const Options& options, const std::string& kind, const json::array& items) {
  json::array names;
  for (const json::value& item : items)
    names.emplace_back(text_at(item, has_ids(kind) ? "id" : "name"));
  try {
    write_private_file(cache_path(options, kind), json::serialize(names) + "\n");
  } catch (const Problem&) {
    // Completion is a comfort; a full or read-only disk must not stop what was asked for.
  }
}

std::string sql_of(const Call& call) {
  const std::string file = call.text("file", call.text("INPUT"));
  if (call.has("command") && !file.empty()) throw Problem{Exit::usage, "either -c or a file, not both", ""};
  if (call.has("command")) return call.text("command");
  if (file.empty())
    throw Problem{Exit::usage, call.verb->path + " needs a statement", "-c SQL, -f FILE, or - for standard input"};
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Problem{Exit::usage, "cannot read " + file, "check -f"};
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace dbgate::cli
