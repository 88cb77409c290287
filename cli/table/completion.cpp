#include <algorithm>
#include <set>

#include "cli/table/render.h"

namespace dbgate::cli {
namespace {

struct Word {
  std::string word;
  std::string says;
};

std::vector<std::string> spellings(const Flag& flag) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < flag.names.size();) {
    const std::size_t end = std::min(flag.names.find(',', at), flag.names.size());
    names.push_back(flag.names.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

// The words that may follow the program's name, or a group's.
std::vector<Word> words_after(const Table& table, const std::string& group) {
  std::vector<Word> words;
  for (const Verb& verb : table.verbs) {
    const std::size_t blank = verb.path.find(' ');
    const bool fits = group.empty() ? blank == std::string::npos : verb.path.starts_with(group + " ");
    if (verb.hidden || !fits) continue;
    words.push_back({group.empty() ? verb.path : verb.path.substr(blank + 1), verb.summary});
    if (!verb.alias.empty()) words.push_back({verb.alias, verb.summary});
  }
  if (group.empty()) {
    for (const Group& one : table.groups)
      words.push_back({one.name, one.summary});
  }
  return words;
}

/// How the values of one place are found: fixed words, what __complete says, files, or nothing.
struct Values {
  std::string words;
  std::string dynamic;
  bool files = false;
  bool directories = false;
};

Values values_of(Kind kind, const std::string& choices) {
  return {choices, dynamic_kind(kind), kind == Kind::file, kind == Kind::directory};
}

// All flags that take a value, of whatever verb.
std::string valued_flags(const Table& table) {
  std::set<std::string> names;
  const auto add = [&names](const std::vector<Flag>& flags) {
    for (const Flag& flag : flags) {
      if (flag.kind == Kind::none) continue;
      for (const std::string& name : spellings(flag))
        names.insert(name);
    }
  };
  add(table.shared);
  for (const Verb& verb : table.verbs)
    add(verb.flags);
  std::string list;
  for (const std::string& name : names)
    list += " " + name;
  return list;
}

std::string single_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The shell code of bash and zsh that adds values; `add` is the function for fixed words.
std::string adds(const Values& values) {
  if (!values.words.empty()) return "_dbgate_words " + single_quoted(values.words);
  if (!values.dynamic.empty()) return "_dbgate_ask " + values.dynamic;
  if (values.files) return "_dbgate_paths f";
  if (values.directories) return "_dbgate_paths d";
  return ":";
}

std::string name_cases(const Table& table) {
  std::string out;
  for (const Verb& verb : table.verbs) {
    if (verb.hidden) continue;
    out += "      " + single_quoted(verb.path);
    if (!verb.alias.empty()) out += "|" + single_quoted(verb.alias);
    out += ") at=" + single_quoted(verb.path) + "; verb=1 ;;\n";
  }
  for (const Group& group : table.groups)
    out += "      " + single_quoted(group.name) + ") at=" + single_quoted(group.name) + " ;;\n";
  return out;
}

// "at:flag" for all flags that take a value; `*` for those of every verb.
std::string value_cases(const Table& table) {
  std::string out;
  const auto add = [&out](const std::string& at, const Flag& flag) {
    if (flag.kind == Kind::none) return;
    std::string patterns;
    for (const std::string& name : spellings(flag))
      patterns += (patterns.empty() ? "" : "|") + at + ":" + name;
    out += "    " + patterns + ") " + adds(values_of(flag.kind, flag.choices)) + "; return 0 ;;\n";
  };
  for (const Verb& verb : table.verbs) {
    if (verb.hidden) continue;
    for (const Flag& flag : verb.flags)
      add(single_quoted(verb.path), flag);
  }
  for (const Flag& flag : table.shared)
    add("*", flag);
  return out;
}

std::string words_of(const std::vector<Word>& words) {
  std::string out;
  for (const Word& word : words)
    out += (out.empty() ? "" : " ") + word.word;
  return out;
}

std::string flag_words(const std::vector<Flag>& flags) {
  std::string out;
  for (const Flag& flag : flags)
    out += (out.empty() ? "" : " ") + std::string("--") + flag.name();
  return out;
}

std::string flag_cases(const Table& table) {
  std::string out;
  for (const Verb& verb : table.verbs) {
    if (!verb.hidden && !verb.flags.empty()) {
      out += "      " + single_quoted(verb.path) + ") _dbgate_words " + single_quoted(flag_words(verb.flags)) + " ;;\n";
    }
  }
  return out;
}

std::string argument_cases(const Table& table) {
  std::string out = "    :*) _dbgate_words " + single_quoted(words_of(words_after(table, ""))) + " ;;\n";
  for (const Group& group : table.groups) {
    out += "    " + single_quoted(group.name) + ":*) _dbgate_words " +
           single_quoted(words_of(words_after(table, group.name))) + " ;;\n";
  }
  for (const Verb& verb : table.verbs) {
    if (verb.hidden) continue;
    std::size_t place = 0;
    for (const Argument& argument : verb.arguments) {
      const std::string at = argument.many ? "*" : std::to_string(place++);
      const std::string found = adds(values_of(argument.kind, argument.choices));
      if (found != ":") out += "    " + single_quoted(verb.path) + ":" + at + ") " + found + " ;;\n";
    }
  }
  return out;
}

// bash and zsh walk the words in the same way; only how an answer is given differs.
std::string walk(const Table& table) {
  return "_dbgate_walk() {\n  local at= verb= place=0 previous= word\n  for word in \"$@\"; do\n"
         "    if [[ $word == -- ]]; then _dbgate_command; return 0; fi\n"
         "    if [[ -n $previous ]]; then previous=; continue; fi\n"
         "    [[ -n $word ]] || continue\n"
         "    if [[ $word == -* ]]; then\n      if [[ $word != *=* ]] && _dbgate_takes_value \"$at:$word\"; then "
         "previous=$at:$word; fi\n      continue\n    fi\n"
         "    if [[ -n $verb ]]; then place=$((place + 1)); continue; fi\n"
         "    case \"${at:+$at }$word\" in\n" +
         name_cases(table) +
         "      *) place=$((place + 1)) ;;\n    esac\n  done\n"
         "  if [[ -n $previous ]]; then _dbgate_value \"$previous\"; return 0; fi\n"
         "  if [[ $current == --*=* ]]; then\n    prefix=${current%%=*}=\n    local flag=${current%%=*}\n"
         "    current=${current#*=}\n    _dbgate_value \"$at:$flag\"\n    return 0\n  fi\n"
         "  if [[ $current == -* ]]; then\n    case $at in\n" +
         flag_cases(table) + "    esac\n    _dbgate_words " + single_quoted(flag_words(table.shared)) +
         "\n    return 0\n  fi\n  case $at:$place in\n" + argument_cases(table) + "  esac\n}\n";
}

std::string value_functions(const Table& table) {
  std::set<std::string> patterns;
  const auto add = [&patterns](const std::string& at, const Flag& flag) {
    if (flag.kind == Kind::none) return;
    for (const std::string& name : spellings(flag))
      patterns.insert(at + ":" + name);
  };
  for (const Verb& verb : table.verbs) {
    if (verb.hidden) continue;
    for (const Flag& flag : verb.flags)
      add(single_quoted(verb.path), flag);
  }
  for (const Flag& flag : table.shared)
    add("*", flag);
  std::string list;
  for (const std::string& pattern : patterns)
    list += (list.empty() ? "" : "|") + pattern;
  return "_dbgate_takes_value() {\n  case $1 in\n    " + list +
         ") return 0 ;;\n  esac\n  return 1\n}\n_dbgate_value() {\n  case $1 in\n" + value_cases(table) + "  esac\n}\n";
}

}  // namespace

std::string dynamic_kind(Kind kind) {
  switch (kind) {
    case Kind::target:
      return "target";
    case Kind::user:
      return "user";
    case Kind::group:
      return "group";
    case Kind::service:
      return "service";
    case Kind::profile:
      return "profile";
    case Kind::tunnel:
      return "tunnel";
    case Kind::approval:
      return "approval";
    case Kind::access:
      return "access";
    case Kind::setting:
      return "setting";
    case Kind::topic:
      return "topic";
    default:
      return {};
  }
}

std::string bash_completion(const Table& table) {
  return "# bash completion for dbgate; made by dbgate completion bash\n" + value_functions(table) + walk(table) +
         "_dbgate_reply() { local line; while IFS= read -r line; do COMPREPLY+=(\"$line\"); done; }\n"
         "_dbgate_words() { _dbgate_reply < <(compgen -P \"$prefix\" -W \"$1\" -- \"$current\"); }\n"
         "_dbgate_ask() { _dbgate_words \"$(dbgate __complete \"$1\" \"$current\" 2>/dev/null)\"; }\n"
         "_dbgate_paths() { compopt -o filenames 2>/dev/null; _dbgate_reply < <(compgen -\"$1\" -- \"$current\"); }\n"
         "_dbgate_command() { _dbgate_reply < <(compgen -c -- \"$current\"); }\n"
         "_dbgate() {\n  COMPREPLY=()\n  local current=${COMP_WORDS[COMP_CWORD]} prefix= cut=$COMP_CWORD\n"
         "  # bash cuts --flag=value into three words.\n"
         "  if [[ $current == = ]]; then current=; elif [[ ${COMP_WORDS[COMP_CWORD-1]} == = ]]; then cut=$((cut - 1)); "
         "fi\n"
         "  _dbgate_walk \"${COMP_WORDS[@]:1:cut-1}\"\n}\ncomplete -F _dbgate dbgate\n";
}

std::string zsh_completion(const Table& table) {
  return "#compdef dbgate\n# zsh completion for dbgate; made by dbgate completion zsh\n" + value_functions(table) +
         walk(table) +
         "_dbgate_words() { compadd -P \"$prefix\" -- ${(z)1} }\n"
         "_dbgate_ask() { compadd -P \"$prefix\" -- ${(f)\"$(dbgate __complete $1 $current 2>/dev/null)\"} }\n"
         "_dbgate_paths() { if [[ $1 == d ]]; then _files -/; else _files; fi }\n"
         "_dbgate_command() { _command_names -e }\n"
         "_dbgate() {\n  local current=$PREFIX prefix=\n"
         "  _dbgate_walk \"${(@)words[2,CURRENT-1]}\"\n}\n"
         "if [[ $funcstack[1] == _dbgate ]]; then _dbgate \"$@\"; else compdef _dbgate dbgate; fi\n";
}

std::string fish_completion(const Table& table) {
  std::string out =
      "# fish completion for dbgate; made by dbgate completion fish\n"
      "function __dbgate_at\n    # The words that are no flags, without the one that is being typed.\n"
      "    set -l words (commandline -opc)\n    set -l at\n    set -l value 0\n    for word in $words[2..-1]\n"
      "        if test $value = 1\n            set value 0\n            continue\n        end\n"
      "        if contains -- $word" +
      valued_flags(table) +
      "\n            set value 1\n            continue\n        end\n"
      "        string match -q -- '-*' $word; or set -a at $word\n    end\n"
      "    set -l wanted (string split ' ' -- $argv[1])\n    test \"$argv[1]\" = ''; and test (count $at) -eq 0; and "
      "return 0\n"
      "    test \"$argv[1]\" = ''; and return 1\n    set -l n (count $wanted)\n    test (count $at) -ge $n; or "
      "return 1\n    test \"$at[1..$n]\" = \"$wanted\"; or return 1\n    test (count $argv) -lt 2; and return 0\n"
      "    set -l more (math (count $at) - (count $wanted))\n"
      "    test (count $argv) -gt 2; and test $more -ge $argv[2]; and return 0\n"
      "    test $more -eq $argv[2]\nend\ncomplete -c dbgate -f\n";
  const auto words = [&out, &table](const std::string& group) {
    for (const Word& word : words_after(table, group)) {
      const std::string condition = group.empty() ? "__dbgate_at \"\"" : "__dbgate_at \"" + group + "\" 0";
      out += "complete -c dbgate -n " + single_quoted(condition) + " -a " + single_quoted(word.word) + " -d " +
             single_quoted(word.says) + "\n";
    }
  };
  const auto source = [](const Values& values) -> std::string {
    if (!values.words.empty()) return " -xa " + single_quoted(values.words);
    if (!values.dynamic.empty()) {
      return " -xa '(dbgate __complete " + values.dynamic + " (commandline -ct) 2>/dev/null)'";
    }
    if (values.directories) return " -xa '(__fish_complete_directories (commandline -ct))'";
    return values.files ? " -rF" : " -x";
  };
  const auto flags = [&](const std::string& condition, const std::vector<Flag>& list) {
    for (const Flag& flag : list) {
      out += "complete -c dbgate" + condition;
      for (const std::string& name : spellings(flag))
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      out += " -d " + single_quoted(flag.help);
      if (flag.kind != Kind::none) out += source(values_of(flag.kind, flag.choices));
      out += "\n";
    }
  };
  words("");
  for (const Group& group : table.groups)
    words(group.name);
  flags("", table.shared);
  for (const Verb& verb : table.verbs) {
    if (verb.hidden) continue;
    flags(" -n " + single_quoted("__dbgate_at \"" + verb.path + "\""), verb.flags);
    std::size_t place = 0;
    for (const Argument& argument : verb.arguments) {
      const Values values = values_of(argument.kind, argument.choices);
      const std::string at = " " + std::to_string(place++) + (argument.many ? " more" : "");
      const std::string condition = " -n " + single_quoted("__dbgate_at \"" + verb.path + "\"" + at);
      if (values.files) {
        out += "complete -c dbgate" + condition + " -F\n";
      } else if (!values.words.empty() || !values.dynamic.empty() || values.directories) {
        out += "complete -c dbgate" + condition + source(values) + "\n";
      }
    }
  }
  return out;
}

}  // namespace dbgate::cli
