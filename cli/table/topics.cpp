#include "cli/table/topics.h"

namespace dbgate::cli {
namespace {

using Terms = std::vector<std::pair<std::string, std::string>>;

const std::vector<std::pair<int, std::string>>& exits() {
  static const std::vector<std::pair<int, std::string>> list{
      {0, "ok"},
      {1, "failure"},
      {2, "usage: the command line or a setting is wrong"},
      {3, "not found, or ambiguous"},
      {4, "not authenticated"},
      {5, "denied by policy"},
      {6, "approval required or pending"},
      {7, "gateway unreachable, or its certificate is not trusted"},
      {8, "the database returned an error, or the text is no valid statement"},
      {9, "timed out"},
      {10, "check: the risk is above --fail-on"},
      {125, "the tunnel failed"},
      {126, "the command is not executable"},
      {127, "there is no such command"},
      {130, "interrupted (SIGINT)"},
      {143, "terminated (SIGTERM)"},
  };
  return list;
}

Topic environment() {
  return {
      "environment",
      "environment variables",
      {"A flag wins over the environment, the environment over the profile in force, the profile over the settings, "
       "and these over the default. No variable switches the verification of certificates off."},
      {{"DBGATE_URL", "the gateway: https://HOST[:PORT]"},
       {"DBGATE_TOKEN", "the token to use; the credentials file is neither read nor written"},
       {"DBGATE_TOKEN_FILE", "a file of mode 0600 with the token to use"},
       {"DBGATE_PROFILE", "the profile in force"},
       {"DBGATE_CONFIG_DIR", "where config.yaml is"},
       {"DBGATE_CA_FILE", "certificates to trust, PEM, instead of the system's"},
       {"DBGATE_OUTPUT", "output format, as -o"},
       {"DBGATE_NO_INPUT", "non-empty: never ask; fail and name the flag to use"},
       {"DBGATE_DEBUG", "non-empty: as --debug"},
       {"DBGATE_PAGER, PAGER", "shows what is longer than the terminal; cat or empty: no pager"},
       {"DBGATE_PSQL", "the psql to run"},
       {"BROWSER", "opens the page to sign in on"},
       {"HTTPS_PROXY, NO_PROXY", "an HTTP proxy for CONNECT, and the hosts that are reached without it"},
       {"NO_COLOR, CLICOLOR, CLICOLOR_FORCE", "colours: non-empty NO_COLOR or CLICOLOR=0: off; CLICOLOR_FORCE: on"},
       {"XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME, XDG_RUNTIME_DIR", "where files are (dbgate help files)"}}};
}

Topic exit_codes() {
  Topic topic{"exit-codes",
              "exit statuses",
              {"connect -- COMMAND returns the status of the command, or 125 to 127 if it did not run."},
              {}};
  for (const auto& [status, meaning] : exits())
    topic.terms.emplace_back(std::to_string(status), meaning);
  return topic;
}

Topic formatting() {
  return {"formatting",
          "output formats",
          {"Data goes to standard output, everything else to standard error. Without -o, a terminal gets a table and "
           "anything else TSV with a header row.",
           "An error is three lines on standard error: the cause, the next step, the request id. With -o json or jsonl "
           "it is one application/problem+json object.",
           "Colours, the pager and progress appear on terminals only; nothing is told by colour alone. Numbers are "
           "never reformatted."},
          {{"table", "columns; NULL is a dimmed NULL"},
           {"wide", "as table, with more columns"},
           {"json", "one JSON text; member names are the API's and stable; NULL is null"},
           {"jsonl", "one JSON object on each line"},
           {"csv", "RFC 4180 with a header row; NULL is empty"},
           {"tsv", "tabs between, \\t, \\n, \\r and \\\\ escaped; NULL is empty"},
           {"markdown", "a table for documents"},
           {"aligned", "exec only: as psql prints results"},
           {"--fields a,b", "these columns, in this order; a dot leads into objects: user.name"},
           {"-q", "ids or names only"},
           {"--no-headers", "no header row"}}};
}

Topic files() {
  return {
      "files",
      "files",
      {"Directories are made with mode 0700 and files with 0600. A credentials file that others can read or own is "
       "refused; so is a config.yaml that others can write."},
      {{"$XDG_CONFIG_HOME/dbgate/config.yaml", "settings and profiles (dbgate config, dbgate profile)"},
       {"$XDG_STATE_HOME/dbgate/credentials.json",
        "tokens; in the state directory, so that collections of dotfiles do "
        "not pick them up"},
       {"$XDG_STATE_HOME/dbgate/credentials.lock", "held while a token is renewed: parallel commands use one renewal"},
       {"$XDG_STATE_HOME/dbgate/ports.json", "the local port of each profile and target"},
       {"$XDG_CACHE_HOME/dbgate/", "names for completion, at most five minutes old"},
       {"$XDG_RUNTIME_DIR/dbgate/",
        "sockets of live tunnels and passfiles; without the variable, a private directory "
        "below the temporary one"}}};
}

}  // namespace

const std::vector<Topic>& topics() {
  static const std::vector<Topic> all{environment(), exit_codes(), formatting(), files()};
  return all;
}

std::string exit_meaning(int status) {
  for (const auto& [code, meaning] : exits()) {
    if (code == status) return meaning;
  }
  return {};
}

}  // namespace dbgate::cli
