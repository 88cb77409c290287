#include "cli/table/parse.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>

#include "cli/problem.h"
#include "cli/table/suggest.h"

namespace dbgate::cli {
namespace {

/// Where CLI11 puts what it reads of one flag or argument.
struct Slot {
  std::string name;
  CLI::Option* option = nullptr;
  std::vector<std::string> values;
};

std::string first_word(const std::string& path) {
  return path.substr(0, path.find(' '));
}

/// The table as CLI11 knows it.
class Parser {
 public:
  explicit Parser(const Table& table) : table_(table) {
    prepare(app_);
    for (const Flag& flag : table.shared)
      add_flag(app_, flag);
    for (const Group& group : table.groups)
      prepare(*app_.add_subcommand(group.name));
    for (const Verb& verb : table.verbs)
      add_verb(verb);
  }

  Call parse(std::vector<std::string> arguments) {
    Call call;
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    const bool separated = dashes != arguments.end();
    // CLI11 would take words of the command for its own: "[", for one, begins a list.
    if (separated) call.command.assign(dashes + 1, arguments.end());
    arguments.erase(dashes, arguments.end());
    const std::vector<std::string> typed = arguments;
    std::reverse(arguments.begin(), arguments.end());
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      throw Problem{Exit::usage, lower(error.what()), hint_for(parsed_path())};
    }
    const std::string path = parsed_path();
    call.path = path;
    call.verb = table_.find(path);
    const bool asks_for_help = collect(call);
    if (asks_for_help) return call;
    check_rest(typed, path, call.verb);
    if (separated && call.verb != nullptr && !call.verb->command) {
      throw Problem{Exit::usage, "\"" + call.verb->path + "\" takes no command after --", hint_for(path)};
    }
    return call;
  }

  std::string parsed_path() const {
    std::string path;
    const CLI::App* at = &app_;
    while (!at->get_subcommands().empty()) {
      at = at->get_subcommands().front();
      path += (path.empty() ? "" : " ") + at->get_name();
    }
    return path;
  }

 private:
  static void prepare(CLI::App& app) {
    app.set_help_flag("");
    app.allow_extras();  // named by us, with what may have been meant
    app.fallthrough();
    app.require_subcommand(0, 1);  // a target may be called like a verb
  }

  static std::string lower(std::string text) {
    const std::size_t end = text.find('\n');
    if (end != std::string::npos) text.resize(end);
    const bool word = text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0;
    if (word) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
  }

  static std::string hint_for(const std::string& path) { return "dbgate help" + (path.empty() ? "" : " " + path); }

  void add_flag(CLI::App& app, const Flag& flag) {
    Slot& slot = slots_.emplace_back();
    slot.name = flag.name();
    if (flag.kind == Kind::none) {
      slot.option = app.add_flag(flag.names);
      return;
    }
    slot.option = app.add_option(flag.names, slot.values)->expected(1)->allow_extra_args(false);
    slot.option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  void add_verb(const Verb& verb) {
    CLI::App* parent = &app_;
    std::string name = verb.path;
    const std::size_t blank = name.find(' ');
    if (blank != std::string::npos) {
      parent = app_.get_subcommand(name.substr(0, blank));
      name = name.substr(blank + 1);
    }
    CLI::App* command = parent->add_subcommand(name);
    if (!verb.alias.empty()) command->alias(verb.alias);
    prepare(*command);
    for (const Flag& flag : verb.flags)
      add_flag(*command, flag);
    for (const Argument& argument : verb.arguments) {
      Slot& slot = slots_.emplace_back();
      slot.name = argument.name;
      slot.option = command->add_option(argument.name, slot.values);
      // Whether it must be there is for check_required() to say, in words that help.
      slot.option->expected(1, argument.many ? 1000 : 1)->allow_extra_args(argument.many);
    }
  }

  // @return whether help or the version was asked for, so that nothing else matters
  bool collect(Call& call) {
    for (Slot& slot : slots_) {
      if (slot.option->count() > 0) call.values[slot.name] = slot.values;
    }
    return call.has("help") || call.has("version");
  }

  void check_rest(const std::vector<std::string>& typed, std::string path, const Verb* verb) const {
    const std::vector<std::string> rest = app_.remaining(true);
    if (rest.empty()) return;
    const std::string& word = rest.front();
    if (word.starts_with("-") && word.size() > 1) {
      const std::string flag = word.substr(0, word.find('='));
      throw Problem{Exit::usage, "unknown flag " + flag, suggestion(flag, flags_of(verb), hint_for(path))};
    }
    // "usr list": CLI11 takes the second word for the verb.
    const auto first = std::find_if(typed.begin(), typed.end(), [&](const std::string& one) {
      const Verb* named = table_.find(one);
      return one == word || one == first_word(path) || (named != nullptr && named->path == path);
    });
    if (first != typed.end() && *first == word) {
      path.clear();
      verb = nullptr;
    }
    if (verb != nullptr) throw Problem{Exit::usage, "unexpected argument \"" + word + "\"", synopsis_of(*verb)};
    const std::string before = path.empty() ? "" : path + " ";
    throw Problem{Exit::usage, "unknown verb \"" + before + word + "\"",
                  suggestion(word, words_after(path), hint_for(path))};
  }

  std::vector<std::string> flags_of(const Verb* verb) const {
    std::vector<std::string> names;
    for (const Flag& flag : table_.shared)
      names.push_back("--" + flag.name());
    if (verb == nullptr) return names;
    for (const Flag& flag : verb->flags)
      names.push_back("--" + flag.name());
    return names;
  }

  std::vector<std::string> words_after(const std::string& group) const {
    std::vector<std::string> words;
    for (const Verb& verb : table_.verbs) {
      if (verb.hidden) continue;
      if (group.empty()) {
        words.push_back(first_word(verb.path));
        if (!verb.alias.empty()) words.push_back(verb.alias);
      } else if (verb.path.starts_with(group + " ")) {
        words.push_back(verb.path.substr(group.size() + 1));
      }
    }
    return words;
  }

  const Table& table_;
  CLI::App app_{"", "dbgate"};
  std::deque<Slot> slots_;
};

void check_required(const Call& call) {
  for (const Argument& argument : call.verb->arguments) {
    if (argument.required && !call.has(argument.name)) {
      throw Problem{Exit::usage, call.verb->path + " needs " + argument.name, synopsis_of(*call.verb)};
    }
  }
}

void check_choice(const Call& call, const std::string& name, const std::string& choices, const std::string& dashes) {
  std::vector<std::string> allowed;
  std::string list;
  for (std::size_t at = 0; at < choices.size();) {
    const std::size_t end = std::min(choices.find(' ', at), choices.size());
    allowed.push_back(choices.substr(at, end - at));
    list += (list.empty() ? "" : ", ") + allowed.back();
    at = end + 1;
  }
  for (const std::string& value : call.list(name)) {
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) continue;
    throw Problem{Exit::usage, dashes + name + ": \"" + value + "\" is none of " + list,
                  suggestion(value, allowed, "dbgate help " + call.verb->path)};
  }
}

}  // namespace

std::string synopsis_of(const Verb& verb) {
  std::string text = "dbgate " + verb.path;
  for (const Argument& argument : verb.arguments) {
    std::string name = argument.name + (argument.many ? "…" : "");
    text += argument.required ? " " + name : " [" + name + "]";
  }
  if (!verb.flags.empty()) text += " [flags]";
  if (verb.command) text += " [-- COMMAND…]";
  return text;
}

Call parse_command_line(const Table& table, std::vector<std::string> arguments) {
  Parser parser(table);
  Call call = parser.parse(std::move(arguments));
  if (call.has("help") || call.has("version")) return call;
  if (call.verb == nullptr) {
    const std::string path = parser.parsed_path();
    throw Problem{Exit::usage, path.empty() ? "no verb" : "\"" + path + "\" needs a verb",
                  "dbgate help" + (path.empty() ? "" : " " + path)};
  }
  check_required(call);
  for (const Argument& argument : call.verb->arguments)
    if (argument.kind == Kind::choice) check_choice(call, argument.name, argument.choices, "");
  for (const Flag& flag : call.verb->flags)
    if (flag.kind == Kind::choice) check_choice(call, flag.name(), flag.choices, "--");
  for (const Flag& flag : table.shared)
    if (flag.kind == Kind::choice) check_choice(call, flag.name(), flag.choices, "--");
  return call;
}

}  // namespace dbgate::cli
