#include <algorithm>

#include "gateway/session/relay.h"
#include "gateway/session/shared_statements.h"
#include "protocol/postgres/backend_messages.h"

// A server finds out the types of parameters when it prepares a statement, and keeps them. The frontend sends values of
// these types, maybe in binary. A server that is given the statement again would find out others once a column has
// another type, and would take one value for another: it is told the types.
namespace dbgate::session {

// Bind of a statement of which the frontend has not asked for the types: it may know them all the same. Asked once, of
// the server that was the first to have it.
void Relay::ask_for_types(const PreparedPtr& prepared, const std::string& server_name) {
  const bool asked = std::any_of(expected_.begin(), expected_.end(), [&prepared](const Expected& entry) {
    return entry.kind == Expected::Kind::describe_statement && entry.describes == prepared;
  });
  if (!asked) ask_about(prepared, server_name);
}

void Relay::note_parameters(Bytes body) {
  const Expected& entry = expected_.front();
  const Prepared& prepared = *entry.describes;
  if (!prepared.open_types || prepared.typed_key) return;
  const auto description = protocol::backend::ParameterDescription::decode(body);
  if (!description) return;
  const std::vector<std::uint32_t> types(description->types.begin(), description->types.end());
  prepared.typed_key = with_types(prepared.key ? *prepared.key : *unnamed_key(prepared), types);
  if (pool_->server != nullptr && !entry.server_name.empty())
    pool_->server->statements.give_key(entry.server_name, prepared.typed_key);
}

}  // namespace dbgate::session
