#include "cli/run.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/settings.h"
#include "cli/table/parse.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

void print_problem(const Problem& problem, const Options& options) {
  if (wants_json(options)) {
    boost::json::object object = problem.body;
    if (!object.contains("type")) object["type"] = "about:blank";
    if (!object.contains("title")) object["title"] = problem.cause;
    if (!object.contains("detail")) object["detail"] = problem.cause;
    object["exit_code"] = static_cast<int>(problem.exit);
    if (!problem.hint.empty()) object["hint"] = problem.hint;
    if (!problem.request_id.empty()) object["request_id"] = problem.request_id;
    std::cerr << boost::json::serialize(object) << '\n';
    return;
  }
  std::cerr << styled("dbgate:", Style::red, 2) << ' ' << problem.cause << '\n';
  if (!problem.hint.empty()) std::cerr << "  hint: " << problem.hint << '\n';
  if (!problem.request_id.empty()) std::cerr << "  request: " << problem.request_id << '\n';
}

// Where to look, if nothing better is known: what is not there, or is there already, is in a list.
std::string next_step(const Call& call, const Problem& problem) {
  if (call.verb != nullptr && problem.exit == Exit::usage) return "dbgate help " + call.verb->path;
  const bool looks = problem.status == 404 || problem.status == 409 || problem.status == 422;
  if (!looks || call.verb == nullptr) return {};
  const std::string listing = call.verb->path.substr(0, call.verb->path.find(' ')) + " list";
  const Verb* const verb = command_table().find(listing);
  if (verb != nullptr && verb != call.verb) return "dbgate " + listing;
  return "dbgate help " + call.verb->path;
}

// How a problem is shown before settings are known: by what stands on the command line or in the environment.
Options early_options(const std::vector<std::string>& arguments) {
  Options options;
  options.output = environment("DBGATE_OUTPUT");
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& word = arguments[i];
    const bool next = (word == "-o" || word == "--output") && i + 1 < arguments.size();
    if (next) options.output = arguments[i + 1];
    if (word.starts_with("--output=")) options.output = word.substr(9);
    if (word.starts_with("-o") && word.size() > 2) options.output = word.substr(2);
  }
  return options;
}

int run_call(Call& call) {
  const Table& table = command_table();
  if (call.has("version")) {
    call.verb = table.find("version");
  } else if (call.has("help")) {
    if (!call.path.empty()) call.values["TOPIC"] = {call.verb == nullptr ? call.path : call.verb->path};
    call.verb = table.find("help");
  }
  if (call.options.insecure) std::cerr << "dbgate: the gateway's certificate is not verified\n";
  return call.verb->run(call);
}

}  // namespace

int run(std::vector<std::string> arguments) {
  end_on_signals();
  Options options = early_options(arguments);
  Call call;
  try {
    choose_colors(options);
    call = parse_command_line(command_table(), std::move(arguments));
    options.debug = call.has("debug");
    call.options = resolve_options(call, load_settings());
    options = call.options;
    choose_colors(options);
    const int status = run_call(call);
    std::cout.flush();
    return status;
  } catch (Problem& problem) {
    std::cout.flush();
    if (problem.hint.empty()) problem.hint = next_step(call, problem);
    print_problem(problem, options);
    return static_cast<int>(problem.exit);
  } catch (const std::exception& error) {
    print_problem({Exit::failure, error.what()}, options);
    return static_cast<int>(Exit::failure);
  }
}

}  // namespace dbgate::cli
