#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/session/expected.h"
#include "protocol/postgres/bytes.h"

// Prepared statements of the protocol where server connections are shared: the server knows them by names of dbgate's
// own, and is given them again wherever they are needed (docs/decisions/0016-sharing-server-connections.md).
namespace dbgate::session {

/// @param settings  TrackedSettings::in_force()
upstream::StatementKeyPtr statement_key(std::string_view text, const std::vector<std::uint32_t>& types,
                                        std::string_view settings);
/// The text that a server is given: rewritten, or what stands in for it.
std::string_view text_for_server(const Prepared& prepared);
/// The Parse message that gives it to a server under `name`.
std::string parse_message(const upstream::StatementKey& key, std::string_view name);
/// The beginning of a Bind message with another statement name: header, portal, name. What follows stays.
std::string bind_head(protocol::Bytes message, std::string_view portal, std::string_view name,
                      std::size_t old_name_bytes);
/// The text, if what it does to settings or transactions has to be followed; else nothing.
std::string text_to_keep(const sql::Script& script, std::string_view text);
/// Tells result types apart as the server does: by names, types and type modifiers of the columns. Never 0.
std::uint64_t result_type(std::optional<protocol::Bytes> row_description);
/// Whether the name is the frontend's alone.
bool is_shared(const Names::Lookup& found);

}  // namespace dbgate::session
