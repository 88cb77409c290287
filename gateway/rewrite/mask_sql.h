#pragma once
#include <string>
#include <string_view>

#include "config/masks.h"
#include "gateway/catalog/snapshot.h"

// Masks as SQL expressions. Every name in them carries its schema, so that no search path and no object of a user can
// give them another meaning. Valid on PostgreSQL 13 and later.
namespace dbgate::rewrite {

/// Settings that carry the key of hashes: the two padded keys of HMAC (RFC 2104) with SHA-256, in base64.
inline constexpr std::string_view inner_key_setting = "dbgate.mask_inner";
inline constexpr std::string_view outer_key_setting = "dbgate.mask_outer";

/// A name as SQL reads it back, whatever it holds.
std::string quoted(std::string_view name);

/// The expression in place of a column: of the same type and type modifier (of a domain: its base type), so that
/// drivers see what they saw.
std::string masked(const catalog::Snapshot& snapshot, const catalog::Column& column, config::MaskKind kind);

}  // namespace dbgate::rewrite
