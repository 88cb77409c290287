#include <boost/json.hpp>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/table/render.h"
#include "cli/table/suggest.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

int help(const Call& call) {
  const Table& table = command_table();
  std::string wanted;
  for (const std::string& word : call.list("TOPIC"))
    wanted += (wanted.empty() ? "" : " ") + word;
  if (wanted.empty()) {
    page(call.options, overview(table));
    return 0;
  }
  std::vector<std::string> known;
  for (const Topic& topic : topics()) {
    if (topic.name == wanted) {
      page(call.options, help_for(topic));
      return 0;
    }
    known.push_back(topic.name);
  }
  if (const Verb* verb = table.find(wanted)) {
    page(call.options, help_for(table, *verb));
    return 0;
  }
  if (const Group* group = table.group(wanted)) {
    page(call.options, help_for(table, *group));
    return 0;
  }
  for (const Verb& verb : table.verbs)
    if (!verb.hidden) known.push_back(verb.path);
  for (const Group& group : table.groups)
    known.push_back(group.name);
  throw Problem{Exit::usage, "there is no help on \"" + wanted + "\"", suggestion(wanted, known, "dbgate help")};
}

int version(const Call& call) {
  if (wants_json(call.options)) {
    print_json(boost::json::object{{"version", DBGATE_VERSION}});
  } else {
    std::cout << "dbgate " DBGATE_VERSION "\n";
  }
  return 0;
}

int completion(const Call& call) {
  const std::string shell = call.text("SHELL");
  const Table& table = command_table();
  std::cout << (shell == "bash"  ? bash_completion(table)
                : shell == "zsh" ? zsh_completion(table)
                                 : fish_completion(table));
  return 0;
}

int generate(const Call& call) {
  std::cout << (call.text("PAGE") == "man" ? manual_page(command_table(), DBGATE_VERSION)
                                           : markdown_page(command_table()));
  return 0;
}

}  // namespace

Verbs help_verbs() {
  Verb shells{"completion", "print a completion script"};
  shells.arguments = {{"SHELL", Kind::choice, "bash, zsh or fish", true, false, "bash zsh fish"}};
  shells.examples = {{"source <(dbgate completion bash)", "in ~/.bashrc"},
                     {"dbgate completion zsh > ~/.zfunc/_dbgate", "in a folder of zsh's fpath"},
                     {"dbgate completion fish > ~/.config/fish/completions/dbgate.fish", "for fish"}};
  shells.run = completion;
  Verb number{"version", "print the version"};
  number.run = version;
  Verb explain{"help", "explain a verb or a topic: environment, exit-codes, formatting, files"};
  explain.arguments = {{"TOPIC", Kind::topic, "a verb, a group of verbs, or a topic", false, true}};
  explain.run = help;
  Verb pages{"__generate", "print the manual page, or docs/cli.md"};
  pages.arguments = {{"PAGE", Kind::choice, "man or markdown", true, false, "man markdown"}};
  pages.hidden = true;
  pages.run = generate;
  return {shells, number, explain, pages};
}

}  // namespace dbgate::cli
