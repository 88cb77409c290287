#pragma once
#include <string>

#include "gateway/session/judge.h"

namespace dbgate::tests {

/// All that facts say, as text. Members are named one by one, so that a new one does not compile until it is here.
/// @param places  also where things stand in the text, and shapes: what statements of one key may differ in
std::string dump(const sql::Script& script, bool places);

/// All that a verdict on a text says, apart from who judged and what is there for people to read of the text itself:
/// suggestions, and places of syntax errors.
std::string dump(const session::Judged& judged, bool places);

}  // namespace dbgate::tests
