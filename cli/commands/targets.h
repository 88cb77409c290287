#pragma once
#include <string>
#include <vector>

#include "cli/api_client.h"
#include "cli/table/verb.h"

namespace dbgate::cli {

/// The target of this name among those that one may use. Throws Problem (not found), which suggests the nearest.
boost::json::object require_target(Api& api, const std::string& name);
/// The problem itself, for whoever has learnt otherwise that there is none.
[[noreturn]] void no_target(Api& api, const std::string& name);

/// Names for completion ("target", "user", "group", "service", "approval", "access"): those seen in the last five
/// minutes (of the last two: seconds) at the gateway of the options, by nobody's asking.
std::vector<std::string> cached_names(const Options& options, const std::string& kind, bool& fresh);
/// @param items  of the API, with names; approvals and access: with ids
void cache_names(const Options& options, const std::string& kind, const boost::json::array& items);

/// "-c SQL", "-f FILE" or "-" of a call. Throws Problem (usage) if there is none.
std::string sql_of(const Call& call);

}  // namespace dbgate::cli
