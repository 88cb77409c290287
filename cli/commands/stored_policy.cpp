#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

// Policies of the store, which the gateway serves beside those of its configuration file.
namespace dbgate::cli {
namespace {

namespace json = boost::json;

const std::vector<std::string> columns{"number", "active", "author", "created_at", "comment"};

std::string text_of_file(const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Problem{Exit::usage, "cannot read " + file, "check the name of the file"};
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::int64_t number_in(const json::value& version) {
  const json::value* const number = version.is_object() ? version.as_object().if_contains("number") : nullptr;
  return number != nullptr && number->is_int64() ? number->as_int64() : 0;
}

int list(const Call& call) {
  Listing listing{columns, Api(call.options).policy_versions(), {}};
  listing.empty = "the store has no policies; dbgate policy apply FILE puts some in force";
  print_listing(call.options, listing);
  return 0;
}

// The text as it is, for a file: what `apply` takes.
int show(const Call& call) {
  Api api(call.options);
  const json::value version = call.has("NUMBER") ? api.policy_version(call.text("NUMBER")) : api.active_policy();
  if (wants_json(call.options)) {
    print_object(call.options, version.as_object(), columns);
  } else {
    std::cout << text_at(version, "text");
  }
  return 0;
}

int validate(const Call& call) {
  const json::value report = Api(call.options).validate_policy(text_of_file(call.text("FILE")));
  const json::value* const valid = report.as_object().if_contains("valid");
  if (wants_json(call.options)) {
    print_json(report);
  } else {
    Listing listing{{"severity", "line", "column", "detail"}, {}};
    const json::value* const problems = report.as_object().if_contains("problems");
    if (problems != nullptr && problems->is_array()) listing.items = problems->as_array();
    listing.empty = "nothing is wrong with it";
    print_listing(call.options, listing);
  }
  return valid != nullptr && valid->is_bool() && valid->as_bool() ? 0 : static_cast<int>(Exit::failure);
}

int apply(const Call& call) {
  const std::string text = text_of_file(call.text("FILE"));
  Api api(call.options);
  const std::int64_t seen = number_in(api.active_policy());
  json::value version = api.create_policy_version({{"text", text}, {"comment", call.text("comment")}});
  const std::int64_t number = number_in(version);
  if (!call.has("draft")) version = api.activate_policy(number, seen);
  if (wants_json(call.options)) {
    print_object(call.options, version.as_object(), columns);
  } else if (call.options.quiet) {
    std::cout << number << '\n';
  } else {
    std::cerr << "version " << number << (call.has("draft") ? " is kept" : " is in force") << '\n';
  }
  return 0;
}

int activate(const Call& call) {
  Api api(call.options);
  const std::int64_t number = call.number("NUMBER", 0, 0, 999'999'999);
  confirm(call.options, call.has("yes"), "Put version " + std::to_string(number) + " of the policies in force?");
  api.activate_policy(number, number_in(api.active_policy()));
  std::cerr << "version " << number << " is in force\n";
  return 0;
}

}  // namespace

Verbs stored_policy_verbs() {
  const std::vector<Argument> file{{"FILE", Kind::file, "YAML, as in the configuration file; - is standard input"}};
  Verb all{"policy list", "list the versions of the store's policies, the newest first"};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb one{"policy show", "print a version of the store's policies, or the one in force"};
  one.arguments = {{"NUMBER", Kind::number, "the version", false}};
  one.exits = {3, 4, 5, 7};
  one.run = show;
  Verb look{"policy validate", "have the gateway look for mistakes in policies; nothing changes", file};
  look.description = "With the targets, users and groups of the gateway. Exits with 1 if something is wrong.";
  look.exits = {4, 5, 7};
  look.run = validate;
  Verb put{"policy apply", "keep policies as the next version and put it in force", file};
  put.flags = {option("--comment", Kind::text, "TEXT", "why, for the record"),
               toggle("--draft", "keep it, and leave in force what is")};
  put.description =
      "Policies of the store stand beside those of the configuration file. Live sessions follow at their next "
      "statement.";
  put.examples = {{"dbgate policy show > p.yaml && $EDITOR p.yaml && dbgate policy apply p.yaml", "change them"}};
  put.exits = {4, 5, 7};
  put.run = apply;
  Verb back{"policy activate", "put an earlier version in force", {{"NUMBER", Kind::number, "the version"}}};
  back.flags = {toggle("--yes", "do not ask")};
  back.exits = {3, 4, 5, 7};
  back.run = activate;
  return {all, one, look, put, back};
}

}  // namespace dbgate::cli
