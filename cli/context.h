#pragma once
#include <string>

#include "cli/gateway_url.h"

namespace dbgate::cli {

/// What the options that all verbs share say. Precedence: flag, environment, credentials file.
struct Options {
  std::string url;
  std::string ca_file;
  std::string output;  ///< table, json, jsonl, csv, tsv, markdown; empty: by the terminal
  bool no_headers = false;
  bool quiet = false;
  bool insecure = false;
};

/// What is kept after a login.
struct Credentials {
  std::string url;
  std::string token;
  std::string user;
};

/// $XDG_STATE_HOME/dbgate/credentials.json, mode 0600. Empty members if nobody is signed in. Throws Problem.
Credentials load_credentials();
void save_credentials(const Credentials& credentials);
/// Forgets who was signed in, not where.
void forget_token();

/// The gateway to talk to. Throws Problem (usage) if none is known.
GatewayUrl gateway_of(const Options& options);
/// The access token for it: DBGATE_TOKEN, DBGATE_TOKEN_FILE, or the credentials file. Throws Problem (not
/// authenticated) if there is none for this gateway.
std::string token_for(const GatewayUrl& url);
/// --ca-file, DBGATE_CA_FILE; empty: the system's certificates.
std::string ca_file_of(const Options& options);

}  // namespace dbgate::cli
