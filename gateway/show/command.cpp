#include "gateway/show/command.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "gateway/sql/tokens.h"

namespace dbgate::show {
namespace {

using sql::Token;
using sql::TokenKind;

constexpr std::size_t longest_quoted = 63;

constexpr std::array<std::pair<std::string_view, Topic>, 14> topics = {{{"clients", Topic::clients},
                                                                        {"config", Topic::config},
                                                                        {"databases", Topic::databases},
                                                                        {"help", Topic::help},
                                                                        {"hosts", Topic::hosts},
                                                                        {"lists", Topic::lists},
                                                                        {"pins", Topic::pins},
                                                                        {"pools", Topic::pools},
                                                                        {"servers", Topic::servers},
                                                                        {"stats", Topic::stats},
                                                                        {"stats_averages", Topic::stats_averages},
                                                                        {"stats_totals", Topic::stats_totals},
                                                                        {"users", Topic::users},
                                                                        {"version", Topic::version}}};

// What a client is told of at its login (session/admin_session.cpp), by SHOW's names.
constexpr std::array<std::string_view, 13> told_settings = {"application_name",
                                                            "client_encoding",
                                                            "datestyle",
                                                            "default_transaction_read_only",
                                                            "in_hot_standby",
                                                            "intervalstyle",
                                                            "is_superuser",
                                                            "server_encoding",
                                                            "server_version",
                                                            "timezone",
                                                            "transaction_isolation",
                                                            "transaction_read_only",
                                                            "standard_conforming_strings"};

// Settings of a session that drivers and tools make when they connect. Here they change nothing.
constexpr std::array<std::string_view, 24> session_settings = {"application_name",
                                                               "bytea_output",
                                                               "client_min_messages",
                                                               "constraint_exclusion",
                                                               "datestyle",
                                                               "default_transaction_deferrable",
                                                               "default_transaction_isolation",
                                                               "default_transaction_read_only",
                                                               "escape_string_warning",
                                                               "extra_float_digits",
                                                               "geqo",
                                                               "idle_in_transaction_session_timeout",
                                                               "idle_session_timeout",
                                                               "intervalstyle",
                                                               "jit",
                                                               "lock_timeout",
                                                               "row_security",
                                                               "search_path",
                                                               "standard_conforming_strings",
                                                               "statement_timeout",
                                                               "synchronous_commit",
                                                               "timezone",
                                                               "transaction_timeout",
                                                               "xmloption"};

// What PgBouncer does by command, and where it is done here.
struct Elsewhere {
  std::string_view word;
  std::string_view hint;
};
constexpr std::string_view no_pausing =
    "Clients wait by themselves while a server cannot take them, up to pool.wait of the target. SIGTERM lets the "
    "gateway finish its transactions and end.";
constexpr std::string_view by_targets =
    "Targets are changed in the configuration file (SIGHUP reloads it), or with `dbgate target`.";
constexpr std::string_view by_kill =
    "`dbgate sessions kill ID` ends one session, with a reason on record; SHOW CLIENTS has the ids (ptr).";
constexpr std::array<Elsewhere, 11> elsewhere = {
    {{"pause", no_pausing},
     {"resume", no_pausing},
     {"suspend", no_pausing},
     {"wait_close", no_pausing},
     {"disable", by_targets},
     {"enable", by_targets},
     {"kill", by_kill},
     {"kill_client", by_kill},
     {"reconnect", "Server connections that nobody has used for pool.idle of the target are closed by themselves."},
     {"reload", "SIGHUP reloads the configuration file; what is changed through the API counts at once."},
     {"shutdown", "SIGTERM lets the gateway finish its transactions and end, SIGINT ends it at once."}}};

/// One command's lexical elements.
struct Words {
  std::string_view text;
  std::span<const Token> tokens;

  std::size_t size() const noexcept { return tokens.size(); }
  bool is_name(std::size_t at) const {
    return at < size() && (tokens[at].kind == TokenKind::word || tokens[at].kind == TokenKind::quoted_word);
  }
  bool is(std::size_t at, std::string_view keyword) const {
    return at < size() && sql::is_keyword(text, tokens[at], keyword);
  }
  std::string_view raw(std::size_t at) const {
    return text.substr(tokens[at].begin, tokens[at].end - tokens[at].begin);
  }
  /// In lower case; empty if it is no name.
  std::string name(std::size_t at) const {
    std::string name = is_name(at) ? sql::name_of(text, tokens[at]) : std::string();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return name;
  }
  std::string quoted() const {
    std::string all(text.substr(tokens.front().begin, tokens.back().end - tokens.front().begin));
    if (all.size() <= longest_quoted) return all;
    std::size_t end = longest_quoted;
    while (end > 0 && (static_cast<unsigned char>(all[end]) & 0xc0u) == 0x80u)
      --end;
    return all.substr(0, end) + "…";
  }
};

Misunderstanding unknown(const Words& words) {
  return {sqlstate::syntax_error, "the admin database does not know the command \"" + words.quoted() + "\"",
          "SHOW HELP lists what it knows."};
}

Misunderstanding not_here(std::string message, std::string hint) {
  return {sqlstate::feature_not_supported, std::move(message), std::move(hint)};
}

template <class List>
bool has(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

using Read = boost::system::result<Command, Misunderstanding>;

Command plain(Command::Kind kind, std::string tag) {
  Command command;
  command.kind = kind;
  command.tag = std::move(tag);
  return command;
}

Read read_show(const Words& words) {
  Command command = plain(Command::Kind::show, "SHOW");
  const std::string name = words.name(1);
  if (words.size() == 2) {
    if (const auto topic = topic_of(name)) {
      command.topic = *topic;
      return command;
    }
    command.name = name;
  }
  // The two that PostgreSQL's grammar spells with blanks.
  if (words.size() == 3 && name == "time" && words.is(2, "zone")) command.name = "timezone";
  if (words.size() == 4 && name == "transaction" && words.is(2, "isolation") && words.is(3, "level"))
    command.name = "transaction_isolation";
  if (!has(told_settings, command.name)) return unknown(words);
  command.kind = Command::Kind::setting;
  return command;
}

// "utf-8", 'UTF8', UNICODE, DEFAULT
bool means_utf8(const Words& words, std::size_t at) {
  if (at + 1 != words.size()) return false;
  std::string value = words.name(at);
  if (const auto literal = sql::plain_literal(words.text, words.tokens[at])) value = *literal;
  std::string letters;
  for (const char c : value) {
    if (c != '-' && c != '_') letters += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return letters == "utf8" || letters == "unicode" || letters == "default";
}

Read read_set(const Words& words) {
  Command command = plain(Command::Kind::nothing, "SET");
  std::size_t at = 1;
  const bool characteristics = words.is(1, "session") && words.is(2, "characteristics");
  if (characteristics || words.is(1, "transaction")) return command;
  if (words.is(1, "session") && words.is(2, "authorization")) return not_here("roles cannot be changed here", "");
  if (words.is(1, "session") || words.is(1, "local")) ++at;
  if (words.is(at, "time") && words.is(at + 1, "zone") && words.size() > at + 2) return command;
  const std::string name = words.name(at);
  if (name == "role") return not_here("roles cannot be changed here", "");
  const bool names = name == "names";
  const bool assigns = names || words.is(at + 1, "to") || (words.size() > at + 1 && words.raw(at + 1) == "=");
  if (name.empty() || !assigns || words.size() < at + (names ? 2u : 3u)) return unknown(words);
  if (names || name == "client_encoding") {
    if (means_utf8(words, at + (names ? 1 : 2))) return command;
    return not_here("dbgate works with client_encoding UTF8", "");
  }
  if (has(session_settings, name)) return command;
  return not_here("the configuration cannot be changed by SET",
                  "Change the configuration file and reload it with SIGHUP, or use the API.");
}

Read read_select(const Words& words) {
  if (words.size() == 2 && words.tokens[1].kind == TokenKind::number) {
    const std::string_view digits = words.raw(1);
    const bool whole = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!whole || digits.size() > 9) return unknown(words);
    Command command = plain(Command::Kind::number, "SELECT 1");
    command.name = digits;
    return command;
  }
  const bool version = words.size() == 4 && words.is(1, "version") && words.raw(2) == "(" && words.raw(3) == ")";
  if (version) return plain(Command::Kind::server_version, "SELECT 1");
  return unknown(words);
}

Read read_deallocate(const Words& words) {
  Command command = plain(Command::Kind::deallocate, "DEALLOCATE");
  const std::size_t at = words.is(1, "prepare") && words.size() == 3 ? 2 : 1;
  if (words.size() != at + 1 || !words.is_name(at)) return unknown(words);
  if (words.is(at, "all")) {
    command.tag = "DEALLOCATE ALL";
  } else {
    command.name = sql::name_of(words.text, words.tokens[at]);
  }
  return command;
}

Read read_transaction(const Words& words) {
  const bool start = words.is(0, "start");
  if (start && !words.is(1, "transaction")) return unknown(words);
  if (start || words.is(0, "begin")) return plain(Command::Kind::begin, start ? "START TRANSACTION" : "BEGIN");
  const bool rest = words.size() == 1 || (words.size() == 2 && (words.is(1, "work") || words.is(1, "transaction")));
  if (!rest) return unknown(words);
  const bool commit = words.is(0, "commit") || words.is(0, "end");
  return plain(commit ? Command::Kind::commit : Command::Kind::rollback, commit ? "COMMIT" : "ROLLBACK");
}

Read read_command(const Words& words) {
  const std::string first = words.name(0);
  if (first == "show") return read_show(words);
  if (first == "set") return read_set(words);
  if (first == "select") return read_select(words);
  if (first == "deallocate") return read_deallocate(words);
  if (first == "reset" && words.size() >= 2) return plain(Command::Kind::nothing, "RESET");
  if (first == "discard" && words.size() == 2 && words.is(1, "all")) {
    Command command = plain(Command::Kind::deallocate, "DISCARD ALL");
    return command;
  }
  for (const std::string_view word : {"begin", "start", "commit", "end", "rollback", "abort"})
    if (first == word) return read_transaction(words);
  for (const Elsewhere& other : elsewhere) {
    if (first != other.word) continue;
    std::string word = first;
    std::transform(word.begin(), word.end(), word.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return not_here("the admin database shows, it does not act: there is no " + word, std::string(other.hint));
  }
  return unknown(words);
}

}  // namespace

std::optional<Topic> topic_of(std::string_view word) {
  for (const auto& [name, topic] : topics)
    if (name == word) return topic;
  return {};
}

std::string_view word_of(Topic topic) {
  for (const auto& [name, known] : topics)
    if (known == topic) return name;
  return {};
}

Script read_script(std::string_view text) {
  Script script;
  const auto tokens = sql::tokenize(text);
  if (!tokens) {
    script.wrong = {sqlstate::syntax_error, "the text ends within quotes or a comment", ""};
    return script;
  }
  const std::span<const Token> all(*tokens);
  const auto ends = [text](const Token& token) {
    return token.kind == TokenKind::punctuation && text.substr(token.begin, token.end - token.begin) == ";";
  };
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = std::find_if(begin, all.end(), ends);
    if (begin != end) {
      auto command = read_command({text, {begin, end}});
      if (!command) {
        script.wrong = command.error();
        return script;
      }
      script.commands.push_back(std::move(*command));
    }
    begin = end == all.end() ? end : end + 1;
  }
  return script;
}

}  // namespace dbgate::show
