#include <algorithm>

#include "cli/table/parse.h"
#include "cli/table/render.h"

namespace dbgate::cli {
namespace {

constexpr std::size_t line_width = 100;

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Breaks a paragraph into lines that begin at `indent`; the first line is begun already.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::size_t length = end - at;
    if (column > indent && column + 1 + length > line_width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      out += ' ';
      ++column;
    }
    out += text.substr(at, length);
    column += length;
    at = end + 1;
  }
  return out + "\n";
}

// Terms on the left, their meaning on the right; a long term gets a line of its own.
std::string columns(const Pairs& pairs) {
  constexpr std::size_t widest = 32;
  std::size_t width = 0;
  for (const auto& [term, meaning] : pairs)
    if (term.size() <= widest) width = std::max(width, term.size());
  std::string out;
  const std::size_t indent = width + 4;
  for (const auto& [term, meaning] : pairs) {
    out += "  " + term;
    const std::size_t used = term.size() + 2;
    out += used + 2 > indent ? "\n" + std::string(indent, ' ') : std::string(indent - used, ' ');
    out += wrapped(meaning, indent);
  }
  return out;
}

Pairs pairs_of(const std::vector<Flag>& flags) {
  Pairs pairs;
  for (const Flag& flag : flags) {
    std::string help = flag.help;
    if (!flag.choices.empty() && help.find(flag.choices.substr(0, flag.choices.find(' '))) == std::string::npos) {
      help += " (" + flag.choices + ")";
    }
    pairs.emplace_back(spelled(flag), help);
  }
  return pairs;
}

Pairs verbs_of(const Table& table, const std::string& group) {
  Pairs pairs;
  for (const Verb& verb : table.verbs) {
    if (verb.hidden || verb.path.rfind(group + " ", 0) != 0) continue;
    pairs.emplace_back(verb.path.substr(group.size() + 1), verb.summary);
  }
  return pairs;
}

}  // namespace

std::string spelled(const Flag& flag) {
  std::string text = flag.names;
  const std::size_t comma = text.find(',');
  if (comma != std::string::npos) text.insert(comma + 1, " ");
  if (flag.kind != Kind::none) text += " " + flag.value;
  return text;
}

std::string overview(const Table& table) {
  std::string out =
      "dbgate: sign in to a database gateway, see what you may use, and open local tunnels\n\n"
      "Usage: dbgate VERB [flags]\n\nVerbs:\n";
  Pairs verbs;
  for (const Verb& verb : table.verbs) {
    if (verb.hidden || verb.path.find(' ') != std::string::npos) continue;
    verbs.emplace_back(verb.path + (verb.alias.empty() ? "" : ", " + verb.alias), verb.summary);
  }
  out += columns(verbs) + "\nGroups of verbs:\n";
  Pairs groups;
  for (const Group& group : table.groups) {
    std::string names;
    for (const auto& [name, meaning] : verbs_of(table, group.name))
      names += (names.empty() ? "" : "|") + name;
    groups.emplace_back(group.name, group.summary + ": " + names);
  }
  out += columns(groups) + "\nFlags of every verb:\n" + columns(pairs_of(table.shared)) +
         "\nTopics (dbgate help TOPIC):\n";
  Pairs names;
  for (const Topic& topic : topics())
    names.emplace_back(topic.name, topic.title);
  return out + columns(names);
}

std::string help_for(const Table& table, const Verb& verb) {
  std::string out = "dbgate " + verb.path + ": " + verb.summary + "\n\nUsage: " + synopsis_of(verb) + "\n";
  if (!verb.alias.empty()) out += "Also: dbgate " + verb.alias + "\n";
  for (std::size_t at = 0; at < verb.description.size();) {
    const std::size_t end = std::min(verb.description.find('\n', at), verb.description.size());
    out += "\n" + wrapped(verb.description.substr(at, end - at), 0);
    at = end + 1;
  }
  if (!verb.arguments.empty()) {
    Pairs pairs;
    for (const Argument& argument : verb.arguments)
      pairs.emplace_back(argument.name, argument.help);
    out += "\nArguments:\n" + columns(pairs);
  }
  if (!verb.flags.empty()) out += "\nFlags:\n" + columns(pairs_of(verb.flags));
  out += "\nFlags of every verb:\n";
  std::string shared;
  for (const Flag& flag : table.shared)
    shared += (shared.empty() ? "" : ", ") + std::string("--") + flag.name();
  out += "  " + wrapped(shared + " (dbgate help)", 2);
  if (!verb.examples.empty()) {
    out += "\nExamples:\n";
    for (const Example& example : verb.examples)
      out += "  # " + example.says + "\n  " + example.command + "\n";
  }
  if (!verb.exits.empty()) {
    Pairs pairs;
    for (const int status : verb.exits)
      pairs.emplace_back(std::to_string(status), exit_meaning(status));
    out += "\nExit statuses beside 0, 1 and 2:\n" + columns(pairs);
  }
  return out;
}

std::string help_for(const Table& table, const Group& group) {
  return "dbgate " + group.name + ": " + group.summary + "\n\nUsage: dbgate " + group.name +
         " VERB [flags]\n\nVerbs:\n" + columns(verbs_of(table, group.name));
}

std::string help_for(const Topic& topic) {
  std::string out = topic.title + "\n";
  for (const std::string& paragraph : topic.paragraphs)
    out += "\n" + wrapped(paragraph, 0);
  return out + "\n" + columns(topic.terms);
}

}  // namespace dbgate::cli
