#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"

// What may be said to the admin database: the words of PgBouncer's console, and what drivers say by themselves.
namespace dbgate::show {

/// What SHOW can be asked for.
enum class Topic : std::uint8_t {
  clients,
  config,
  databases,
  help,
  hosts,
  lists,
  pins,
  pools,
  servers,
  stats,
  stats_averages,
  stats_totals,
  users,
  version
};

struct Command {
  enum class Kind : std::uint8_t {
    show,
    setting,     ///< SHOW of a setting that the client was told at its login
    nothing,     ///< SET and the like: answered, without any effect
    deallocate,  ///< `name`: of a prepared statement; empty: all of them
    begin,
    commit,
    rollback,
    number,         ///< SELECT 1, by which drivers ask whether anybody is there
    server_version  ///< SELECT version()
  };
  Kind kind = Kind::nothing;
  Topic topic = Topic::help;
  std::string name;  ///< of a setting: lower case; the number of SELECT
  std::string tag;   ///< of CommandComplete

  bool operator==(const Command&) const = default;
};

/// Why a text is no command.
struct Misunderstanding {
  SqlState code = sqlstate::syntax_error;
  std::string message;
  std::string hint;
};

/// A text of any number of commands, parted by semicolons.
struct Script {
  std::vector<Command> commands;
  std::optional<Misunderstanding> wrong;  ///< the first that there is; `commands` are those before it
};

/// Case does not matter, comments are left out. Linear.
Script read_script(std::string_view text);

/// The topic of that word, in lower case; none: there is no such thing to SHOW.
std::optional<Topic> topic_of(std::string_view word);
std::string_view word_of(Topic topic);

}  // namespace dbgate::show
