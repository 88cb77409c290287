#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/identity.h"
#include "gateway/ports/password_hasher.h"

namespace dbgate::adapters {

/// Argon2id (RFC 9106) by the reference library, on threads of its own that get the processor only when nobody else
/// wants it: a burst of logins must not be felt by those who work. Each keeps its memory between hashes, because
/// mapping it anew each time would interrupt all threads of the process, and gives it back after ten seconds without
/// work. Errors: 22023 for parameters that Argon2 does not know.
Result<std::unique_ptr<ports::PasswordHasher>> make_argon2_passwords(const config::Passwords& settings);

}  // namespace dbgate::adapters
