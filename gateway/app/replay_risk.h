#pragma once
#include <iosfwd>
#include <string>

namespace dbgate::app {

/// `dbgate-gateway replay-risk`: reads records of an audit log, one on each line, and combines again what rules and
/// models had said of statements (their member "risk.model"; models/record.h). Nobody is asked. Says what comes to
/// something else.
/// @param path of the records; "-": they come from `in`
/// @return exit status: 0, 1 if a record differs or cannot be read
int replay_risk(const std::string& path, std::istream& in, std::ostream& out, std::ostream& errors);

}  // namespace dbgate::app
