#pragma once
#include <string>
#include <vector>

#include "gateway/rewrite/rewrite.h"
#include "protocol/postgres/frame.h"

namespace dbgate::session {

/// A RowDescription as the server would have sent it for the text that the frontend wrote.
/// @param body of the one that it sent
/// @return the whole message; empty if there is nothing to say, or the body is not well formed
std::string with_origins(protocol::Bytes body, const std::vector<rewrite::ColumnOrigin>& origins);

}  // namespace dbgate::session
