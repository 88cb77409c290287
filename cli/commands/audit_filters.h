#pragma once
#include <string>
#include <vector>

#include "cli/api_client.h"
#include "cli/table/verb.h"
#include "gateway/search/matcher.h"

namespace dbgate::cli {

/// What records are wanted.
struct Wanted {
  std::string directory;  ///< the gateway's audit directory; empty: its API is asked
  Query query;            ///< as the API is asked
  std::string since, until;
  search::Matcher matcher;  ///< of all but times
};

/// The flags that say so.
std::vector<Flag> audit_filter_flags();
Wanted wanted_of(const Call& call);
/// Whether a line of the log is among them.
bool matches(const std::string& line, const Wanted& wanted);
/// Throws Problem (not_found) if it cannot be read.
void require_directory(const std::string& directory);

}  // namespace dbgate::cli
