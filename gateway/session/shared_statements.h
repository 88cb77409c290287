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
/// The same statement with other parameter types.
upstream::StatementKeyPtr with_types(const upstream::StatementKey& key, const std::vector<std::uint32_t>& types);
/// By what a server is given a statement that has a name: as Parse had it, or with the types that it had then.
inline const upstream::StatementKeyPtr& key_of(const Prepared& prepared) noexcept {
  return prepared.typed_key ? prepared.typed_key : prepared.key;
}
/// By what a server is given a statement that has none, by the same rule.
upstream::StatementKeyPtr unnamed_key(const Prepared& prepared);
/// Whether the server finds out the type of a parameter: one that is not declared, or as 0.
bool has_open_types(std::string_view text, const std::vector<std::uint32_t>& declared);
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
