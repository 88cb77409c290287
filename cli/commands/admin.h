#pragma once
#include <boost/json/object.hpp>
#include <string>

#include "cli/table/verb.h"

// What verbs of administration share.
namespace dbgate::cli {

/// Shows an object that has just been made. A secret in it (`secret` names the member) is shown this one time: alone on
/// standard output with -q, and with a remark on standard error.
void show_created(const Options& options, const boost::json::value& created, const std::vector<std::string>& columns,
                  const std::string& secret);

/// Members of a JSON object from flags of the same name, "-" read as "_"; those that were not given are left out.
boost::json::object members_of(const Call& call, const std::vector<std::string>& flags);
/// A list from a flag that may stand several times.
void add_list(boost::json::object& object, const std::string& member, const Call& call, const std::string& flag);
/// --scope, and what it says of a key: "scopes" of a JSON object. Without the flag: everything but the account itself
/// and administration.
Flag scope_flag();
void add_scopes(boost::json::object& object, const Call& call);
/// An expiry from --ttl, in seconds; without, 90 days: secrets must end.
void add_ttl(boost::json::object& object, const Call& call);

}  // namespace dbgate::cli
