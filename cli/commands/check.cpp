#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/output.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

std::string sql_of(const CheckOptions& check) {
  if (!check.sql.empty() || check.file.empty()) return check.sql;
  if (check.file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream file(check.file, std::ios::binary);
  if (!file) throw Problem{Exit::usage, "cannot read " + check.file, "", ""};
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string member(const json::value& body, const char* name) {
  const json::value* value = body.as_object().if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

Exit exit_for(const std::string& effect) {
  if (effect == "allow" || effect == "mask" || effect == "log_only") return Exit::ok;
  return effect == "deny" ? Exit::denied : Exit::database_error;
}

}  // namespace

Exit check(const Options& options, const CheckOptions& check) {
  json::object body{{"target", check.target}, {"sql", sql_of(check)}};
  if (!check.principal.empty()) body["principal"] = check.principal;
  const ApiAnswer answer = call_api(options, "POST", "/decisions", body);
  const std::string effect = member(answer.body, "effect");
  if (wants_json(options)) {
    std::cout << json::serialize(answer.body) << '\n';
    return exit_for(effect);
  }
  const Listing listing{{"effect", "operation", "rule", "sqlstate", "message"},
                        {{effect, member(answer.body, "operation"), member(answer.body, "rule"),
                          member(answer.body, "sqlstate"), member(answer.body, "message")}}};
  print_listing(listing, options, std::cout);
  const std::string hint = member(answer.body, "hint");
  if (!hint.empty()) std::cerr << "  hint: " << hint << '\n';
  return exit_for(effect);
}

}  // namespace dbgate::cli
