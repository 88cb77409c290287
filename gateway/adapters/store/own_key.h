#pragma once
#include <optional>
#include <string>

#include "gateway/base/error.h"
#include "gateway/identity/sealing.h"

namespace dbgate::adapters::store {

/// The id of the key that dbgate makes for itself.
inline constexpr const char* own_key_id = "own";

/// The key of `path`; nothing if there is no such file. Errors: 58030 it cannot be read, XX001 it is damaged or others
/// can read it.
Result<std::optional<identity::SealingKey>> load_own_key(const std::string& path);
/// Makes one with mode 0600, on the disk when this returns; if somebody else has just done so, theirs is taken.
Result<identity::SealingKey> make_own_key(const std::string& path);

}  // namespace dbgate::adapters::store
