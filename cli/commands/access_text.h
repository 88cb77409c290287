#pragma once
#include <boost/json/object.hpp>
#include <string>

#include "cli/options.h"

namespace dbgate::cli {

/// For people: what is in force for a time, a line for each, in place of the objects of `member`. JSON stays as it is.
void spell_out_access(const Options& options, boost::json::object& object, const std::string& member);

}  // namespace dbgate::cli
