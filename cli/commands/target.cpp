#include <unistd.h>

#include <boost/json.hpp>
#include <iostream>
#include <iterator>

#include "cli/api_client.h"
#include "cli/commands/admin.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

// What a target has no value for is left out of a table.
const std::vector<std::string> columns{"name",
                                       "managed_by",
                                       "settings.engine",
                                       "settings.environment",
                                       "settings.labels",
                                       "settings.upstream.hosts",
                                       "settings.upstream.database",
                                       "settings.upstream.user",
                                       "settings.upstream.tls",
                                       "settings.upstream.target_session_attrs",
                                       "settings.databases",
                                       "settings.search_path",
                                       "settings.pool",
                                       "settings.limits",
                                       "has_password",
                                       "created_at",
                                       "updated_at"};

json::array list_of(const std::vector<std::string>& words) {
  json::array list;
  for (const std::string& word : words)
    list.emplace_back(word);
  return list;
}

json::object labels_of(const std::vector<std::string>& words) {
  json::object labels;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Problem{Exit::usage, "--label: \"" + word + "\" is not KEY=VALUE", "such as --label team=sales"};
    }
    labels[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return labels;
}

// The upstream password: a line of standard input, or a question. Never a flag.
void add_password(const Call& call, json::object& upstream, bool needed) {
  if (call.has("password-stdin")) {
    upstream["password"] = line_of_stdin();
  } else if (needed && may_ask(call.options)) {
    upstream["password"] = ask_secret(call.options, "Password of the server for the gateway: ", "use --password-stdin");
  }
}

// Puts what flags say into a target's settings, which are those of the configuration file (docs/configuration.md).
void apply_flags(const Call& call, json::object& settings) {
  json::object upstream;
  if (const json::value* given = settings.if_contains("upstream"); given != nullptr && given->is_object()) {
    upstream = given->as_object();
  }
  if (call.has("host")) upstream["hosts"] = list_of(call.list("host"));
  for (const char* name : {"database", "user", "tls"})
    if (call.has(name)) upstream[name] = call.text(name);
  if (call.has("target-session-attrs")) upstream["target_session_attrs"] = call.text("target-session-attrs");
  if (!upstream.empty()) settings["upstream"] = std::move(upstream);
  if (call.has("engine")) settings["engine"] = call.text("engine");
  if (call.has("env")) settings["environment"] = call.text("env");
  if (call.has("label")) settings["labels"] = labels_of(call.list("label"));
  if (call.has("further-database")) settings["databases"] = list_of(call.list("further-database"));
  if (!call.has("settings-stdin")) return;
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  boost::system::error_code failed;
  const json::value given = json::parse(text, failed);
  if (failed || !given.is_object()) throw Problem{Exit::usage, "standard input is no JSON object", "--settings-stdin"};
  for (const auto& member : given.as_object())
    settings[member.key()] = member.value();
}

int list(const Call& call) {
  Listing listing{{"name", "engine", "databases", "environment", "access"},
                  Api(call.options).targets({{"all", "true"}}),
                  {"labels"}};
  listing.empty = "there is no target; dbgate target add NAME makes one";
  print_listing(call.options, listing);
  return 0;
}

int show(const Call& call) {
  const json::value target = Api(call.options).target(call.text("NAME"));
  print_object(call.options, target.as_object(), columns);
  return 0;
}

int add(const Call& call) {
  if (!call.has("host") && !call.has("settings-stdin")) {
    throw Problem{Exit::usage, "target add needs --host", "--host HOST:PORT, or --settings-stdin"};
  }
  json::object settings;
  apply_flags(call, settings);
  if (!call.has("settings-stdin")) add_password(call, settings["upstream"].as_object(), true);
  const json::object target{{"name", call.text("NAME")}, {"settings", std::move(settings)}};
  show_created(call.options, Api(call.options).create_target(target), columns, "");
  return 0;
}

int edit(const Call& call) {
  Api(call.options).change_target(call.text("NAME"), [&call](json::object& settings) {
    apply_flags(call, settings);
    if (call.has("password-stdin") && settings.contains("upstream")) {
      add_password(call, settings["upstream"].as_object(), false);
    }
  });
  std::cerr << "changed " << call.text("NAME") << '\n';
  return 0;
}

int test(const Call& call) {
  Api api(call.options);
  const Progress progress(call.options, "connecting to the server");
  const json::value result = api.test_target(call.text("NAME"));
  print_object(call.options, result.as_object(), {"ok", "server_version", "tls", "elapsed_ms", "detail"});
  const json::value* ok = result.as_object().if_contains("ok");
  return ok == nullptr || (ok->is_bool() && ok->as_bool()) ? 0 : static_cast<int>(Exit::failure);
}

int prepare(const Call& call) {
  Api api(call.options);
  const std::string name = call.text("NAME");
  const bool undo = call.has("undo");
  const json::value preparation = api.preparation(name);
  if (!format_of(call.options).starts_with("json")) {
    std::cout << text_at(preparation, undo ? "undo_sql" : "sql");
  } else {
    print_object(call.options, preparation.as_object(), {"sql", "undo_sql"});
  }
  if (!call.has("apply")) return 0;
  confirm(call.options, call.has("yes"), std::string("Run this on ") + name + "?");
  json::object wish{{"action", undo ? "undo" : "apply"}};
  if (call.has("database")) wish["database"] = call.text("database");
  api.prepare_target(name, wish);
  std::cerr << (undo ? "took back the preparation of " : "prepared ") << name << '\n';
  return 0;
}

int remove(const Call& call) {
  const std::string name = call.text("NAME");
  confirm(call.options, call.has("yes"), "Remove the target " + name + " and end its sessions?");
  Api(call.options).remove_target(name);
  std::cerr << "removed " << name << '\n';
  return 0;
}

std::vector<Flag> setting_flags() {
  return {options("--host", Kind::text, "HOST:PORT", "a server; may stand several times"),
          option("--database", Kind::text, "NAME", "the database there"),
          option("--user", Kind::text, "NAME", "who the gateway is there"),
          toggle("--password-stdin", "read the gateway's password there from standard input"),
          choice("--tls", "MODE", "disable prefer require verify-ca verify-full", "how the connection is secured"),
          choice("--target-session-attrs", "ATTRS", "any read-write read-only primary standby prefer-standby",
                 "which of several servers serves"),
          choice("--engine", "ENGINE", "postgresql tcp", "what the server speaks"),
          option("--env", Kind::text, "ENVIRONMENT", "such as production"),
          options("--label", Kind::text, "KEY=VALUE", "for lists; may stand several times"),
          options("--further-database", Kind::text, "NAME", "another database; may stand several times"),
          toggle("--settings-stdin", "read settings from standard input as JSON, as in the configuration file")};
}

}  // namespace

Verbs target_verbs() {
  const std::vector<Argument> name{{"NAME", Kind::target, "the target's name"}};
  Verb all{"target list", "list all targets, those too that you may not use"};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb one{"target show", "show a target's settings, without its secrets", name};
  one.exits = {3, 4, 5, 7};
  one.run = show;
  Verb make{"target add", "make a target", {{"NAME", Kind::text, "the target's name"}}, setting_flags()};
  make.examples = {{"dbgate target add shop --host db1:5432 --database shop --user dbgate --tls verify-full",
                    "asks for the password"}};
  make.exits = {4, 5, 7};
  make.run = add;
  Verb change{"target edit", "change settings of a target; what is not named stays", name, setting_flags()};
  change.exits = {3, 4, 5, 7};
  change.run = edit;
  Verb probe{"target test", "try the connection from the gateway to the server", name};
  probe.exits = {3, 4, 5, 7};
  probe.run = test;
  Verb ready{"target prepare",
             "show the SQL by which the commit gate sees what transactions change, and run it",
             name,
             {toggle("--apply", "run it, as the gateway's account"), toggle("--undo", "the SQL that takes it back"),
              option("--database", Kind::text, "NAME", "one of the target's further databases"),
              toggle("--yes", "do not ask")}};
  ready.examples = {{"dbgate target prepare shop", "only shows it"},
                    {"dbgate target prepare shop | psql -d shop", "for an owner of the tables other than the gateway"}};
  ready.exits = {3, 4, 5, 7};
  ready.run = prepare;
  Verb away{"target remove", "remove a target; its sessions end", name, {toggle("--yes", "do not ask")}};
  away.exits = {3, 4, 5, 7};
  away.run = remove;
  return {all, one, make, change, probe, ready, away};
}

}  // namespace dbgate::cli
