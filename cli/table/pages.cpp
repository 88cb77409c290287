#include <algorithm>

#include "cli/table/parse.h"
#include "cli/table/render.h"

namespace dbgate::cli {
namespace {

// Text in roff: a backslash and a leading dot or quote would be taken for more than they are.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string roff_terms(const std::vector<std::pair<std::string, std::string>>& terms) {
  std::string out;
  for (const auto& [term, meaning] : terms)
    out += ".TP\n.B " + roff(term) + "\n" + roff(meaning) + "\n";
  return out;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return text;
}

std::vector<std::pair<std::string, std::string>> flag_terms(const std::vector<Flag>& flags) {
  std::vector<std::pair<std::string, std::string>> terms;
  for (const Flag& flag : flags)
    terms.emplace_back(spelled(flag), flag.help);
  return terms;
}

std::vector<std::string> paragraphs_of(const std::string& text) {
  std::vector<std::string> paragraphs;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    paragraphs.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return paragraphs;
}

std::string manual_of(const Verb& verb) {
  std::string out = ".SS " + roff(synopsis_of(verb)) + "\n" + roff(verb.summary) + ".\n";
  for (const std::string& paragraph : paragraphs_of(verb.description))
    out += ".PP\n" + roff(paragraph) + "\n";
  for (const Argument& argument : verb.arguments)
    out += ".TP\n.I " + roff(argument.name) + "\n" + roff(argument.help) + "\n";
  out += roff_terms(flag_terms(verb.flags));
  for (const Example& example : verb.examples)
    out += ".PP\n" + roff(example.says) + ":\n.PP\n.RS\n.nf\n" + roff(example.command) + "\n.fi\n.RE\n";
  return out;
}

// Text inside a cell of a Markdown table, or in a list.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') out += '\\';
    out += c;
  }
  return out;
}

std::string code(const std::string& text) {
  std::string out = "`";
  for (const char c : text)
    out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out + "`";
}

std::string markdown_of(const Verb& verb) {
  std::string out = "### " + verb.path + "\n\n`" + synopsis_of(verb) + "`" +
                    (verb.alias.empty() ? "" : " (also `dbgate " + verb.alias + "`)") + ": " + plain(verb.summary) +
                    ".\n";
  for (const std::string& paragraph : paragraphs_of(verb.description))
    out += "\n" + plain(paragraph) + "\n";
  if (!verb.flags.empty() || !verb.arguments.empty()) {
    out += "\n| | |\n| --- | --- |\n";
    for (const Argument& argument : verb.arguments)
      out += "| " + code(argument.name) + " | " + plain(argument.help) + " |\n";
    for (const Flag& flag : verb.flags)
      out += "| " + code(spelled(flag)) + " | " + plain(flag.help) + " |\n";
  }
  if (!verb.examples.empty()) {
    out += "\n```sh\n";
    for (const Example& example : verb.examples)
      out += example.command + "    # " + example.says + "\n";
    out += "```\n";
  }
  if (!verb.exits.empty()) {
    out += "\nExit statuses beside 0, 1 and 2: ";
    for (std::size_t i = 0; i < verb.exits.size(); ++i)
      out += (i > 0 ? ", " : "") + std::to_string(verb.exits[i]) + " (" + exit_meaning(verb.exits[i]) + ")";
    out += ".\n";
  }
  return out;
}

}  // namespace

std::string manual_page(const Table& table, const std::string& version) {
  std::string out =
      ".TH DBGATE 1 \"\" \"dbgate " + version +
      "\" \"User Commands\"\n.SH NAME\ndbgate \\- sign in to a "
      "database gateway and open local tunnels\n.SH SYNOPSIS\n.B dbgate\n.I VERB\n[flags]\n"
      ".SH DESCRIPTION\nPeople sign in to the gateway, never to the database. The gateway knows who asks, "
      "understands every statement, decides by policy and records it.\n.SH FLAGS OF EVERY VERB\n";
  out += roff_terms(flag_terms(table.shared)) + ".SH VERBS\n";
  for (const Verb& verb : table.verbs)
    if (!verb.hidden) out += manual_of(verb);
  for (const Topic& topic : topics()) {
    out += ".SH " + roff(upper(topic.title)) + "\n";
    for (const std::string& paragraph : topic.paragraphs)
      out += ".PP\n" + roff(paragraph) + "\n";
    out += roff_terms(topic.terms);
  }
  return out;
}

std::string markdown_page(const Table& table) {
  std::string out =
      "# `dbgate`, the command line\n\nMade of the command table by `dbgate __generate markdown`; a test compares the "
      "two. "
      "The manual page `dbgate.1` and `--help` say the same.\n\n| verb | does |\n| --- | --- |\n";
  for (const Verb& verb : table.verbs) {
    if (verb.hidden || verb.path.find(' ') != std::string::npos) continue;
    out += "| [`" + verb.path + "`](#" + verb.path + ") | " + plain(verb.summary) + " |\n";
  }
  for (const Group& group : table.groups) {
    std::string names;
    for (const Verb& verb : table.verbs) {
      if (!verb.path.starts_with(group.name + " ")) continue;
      names += (names.empty() ? "" : ", ") + verb.path.substr(group.name.size() + 1);
    }
    out += "| `" + group.name + "` | " + plain(group.summary) + ": " + names + " |\n";
  }
  out += "\n## Flags of every verb\n\n| | |\n| --- | --- |\n";
  for (const Flag& flag : table.shared)
    out += "| " + code(spelled(flag)) + " | " + plain(flag.help) + " |\n";
  out += "\n## Verbs\n";
  for (const Verb& verb : table.verbs)
    if (!verb.hidden) out += "\n" + markdown_of(verb);
  for (const Topic& topic : topics()) {
    std::string title = topic.title;
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    out += "\n## " + title + "\n";
    for (const std::string& paragraph : topic.paragraphs)
      out += "\n" + plain(paragraph) + "\n";
    out += "\n| | |\n| --- | --- |\n";
    for (const auto& [term, meaning] : topic.terms)
      out += "| " + code(term) + " | " + plain(meaning) + " |\n";
  }
  return out;
}

}  // namespace dbgate::cli
