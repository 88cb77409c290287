#pragma once
#include <string>

#include "cli/table/topics.h"
#include "cli/table/verb.h"

// Texts that are made of the command table.
namespace dbgate::cli {

/// `dbgate help`: verbs, groups, shared flags, topics.
std::string overview(const Table& table);
/// `dbgate help VERB`.
std::string help_for(const Table& table, const Verb& verb);
/// `dbgate help GROUP`.
std::string help_for(const Table& table, const Group& group);
std::string help_for(const Topic& topic);
/// The manual page dbgate.1 (man(7) macros).
std::string manual_page(const Table& table, const std::string& version);
/// docs/cli.md.
std::string markdown_page(const Table& table);

/// Completion scripts. Values that only the gateway knows come from `dbgate __complete`.
std::string bash_completion(const Table& table);
std::string zsh_completion(const Table& table);
std::string fish_completion(const Table& table);

/// "-c, --command SQL"
std::string spelled(const Flag& flag);
/// The word that `dbgate __complete` knows for values that are not fixed; empty for others.
std::string dynamic_kind(Kind kind);

}  // namespace dbgate::cli
