#pragma once
#include <stop_token>
#include <string>

#include "cli/gateway_url.h"

namespace dbgate::cli {

/// What all verbs share, resolved: flag, else environment, else profile, else settings, else default.
struct Options {
  std::string profile;  ///< its name; empty: none is in force
  std::string url;      ///< of the gateway; empty: that of the last login
  std::string ca_file;  ///< certificates to trust, PEM; empty: the system's
  std::string output;   ///< table, wide, json, jsonl, csv, tsv, markdown, aligned; empty: by the terminal
  std::string fields;   ///< columns to show, separated by commas; empty: the verb's own
  std::string color = "auto";
  std::string pager;
  std::string psql = "psql";
  std::string credential_store = "file";
  std::string credential_command;
  bool no_headers = false;
  bool quiet = false;
  bool insecure = false;
  bool debug = false;
  bool no_input = false;
  std::stop_token stop = {};  ///< ends requests under way: what is asked for on a thread of its own
};

/// The gateway to talk to. Throws Problem (usage) if none is known.
GatewayUrl gateway_of(const Options& options);

}  // namespace dbgate::cli
