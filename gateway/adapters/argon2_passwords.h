#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/identity.h"
#include "gateway/ports/password_hasher.h"

namespace dbgate::adapters {

/// Argon2id (RFC 9106) by the reference library, in processes of its own that get the processor only when nobody else
/// wants it: a burst of logins must not be felt by those who work (hash_process.h). Each keeps its memory between
/// hashes and gives it back after ten seconds without work. Forks: to be called before there are other threads.
/// Errors: 22023 for parameters that Argon2 does not know.
Result<std::unique_ptr<ports::PasswordHasher>> make_argon2_passwords(const config::Passwords& settings);

}  // namespace dbgate::adapters
