#pragma once
#include <memory>
#include <string>

#include "gateway/ports/tokens.h"

namespace dbgate::adapters {

/// Access tokens as JSON Web Tokens (RFC 7519), signed with ES256 alone, by a key of its own in `directory`
/// (token.key, PEM, made at the first start). Revoked tokens are listed in `directory`/revoked-tokens until they
/// expire. Errors: 58030 naming the file.
Result<std::unique_ptr<ports::Tokens>> open_jwt_tokens(const std::string& directory);

}  // namespace dbgate::adapters
