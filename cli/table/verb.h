#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/options.h"

namespace dbgate::cli {

/// What stands at a place of the command line. Completion offers values by it, the help names them.
enum class Kind : std::uint8_t {
  none,  ///< a switch
  text,
  number,
  duration,
  file,
  directory,
  choice,
  target,
  user,
  group,
  service,
  profile,
  tunnel,
  approval,
  access,
  setting,
  topic,
};

struct Flag {
  std::string names;         ///< as CLI11 takes them: "-c,--command"
  Kind kind;                 ///< none: a switch
  std::string value;         ///< what the help calls the value: "SQL"
  std::string help;          ///< lower case, no full stop
  std::string choices = {};  ///< for Kind::choice, separated by blanks
  bool many = false;         ///< may stand several times

  /// What the value is found by: the long name without dashes.
  std::string name() const;
};

Flag toggle(std::string names, std::string help);
Flag option(std::string names, Kind kind, std::string value, std::string help);
Flag options(std::string names, Kind kind, std::string value, std::string help);
Flag choice(std::string names, std::string value, std::string choices, std::string help);

struct Argument {
  std::string name;  ///< upper case: "TARGET"
  Kind kind;
  std::string help;
  bool required = true;
  bool many = false;  ///< the last one may be a list
  std::string choices = {};
};

struct Example {
  std::string command;
  std::string says;
};

class Call;

/// One row of the command table. Parsing, help, manual page, docs/cli.md and completion are made of it.
struct Verb {
  std::string path = {};     ///< "list", or "user add" for a verb of a group
  std::string summary = {};  ///< lower case, no full stop
  std::vector<Argument> arguments = {};
  std::vector<Flag> flags = {};
  std::string description = {};  ///< paragraphs, each one line
  std::vector<Example> examples = {};
  std::vector<int> exits = {};  ///< statuses beside 0, 1 and 2
  int (*run)(const Call& call) = nullptr;
  std::string alias = {};
  bool command = false;  ///< takes a command after "--"
  bool hidden = false;
};
using Verbs = std::vector<Verb>;

struct Group {
  std::string name;
  std::string summary;
};

/// Everything that can stand on the command line.
struct Table {
  std::vector<Verb> verbs;
  std::vector<Group> groups;
  std::vector<Flag> shared;  ///< of every verb

  /// Null if there is none. Knows aliases.
  const Verb* find(const std::string& path) const;
  const Group* group(const std::string& name) const;
};

/// What somebody typed, with the options that all verbs share resolved.
class Call {
 public:
  const Verb* verb = nullptr;
  std::string path;  ///< the words of the verb, or of a group
  std::map<std::string, std::vector<std::string>> values;
  std::vector<std::string> command;  ///< what stands after "--"
  Options options;

  bool has(const std::string& name) const { return values.contains(name); }
  /// The last value of a flag or an argument ("TARGET"); `otherwise` if it was not given.
  std::string text(const std::string& name, std::string otherwise = {}) const;
  /// Throws Problem (usage) for what is not a whole number from `least` to `most`.
  std::int64_t number(const std::string& name, std::int64_t otherwise, std::int64_t least = 0,
                      std::int64_t most = 1'000'000'000) const;
  /// "90s", "15m", "8h", "30d", or plain seconds. Throws Problem (usage).
  std::chrono::seconds duration(const std::string& name, std::chrono::seconds otherwise) const;
  std::vector<std::string> list(const std::string& name) const;
};

}  // namespace dbgate::cli
