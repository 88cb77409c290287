#pragma once
#include <string_view>

#include "gateway/base/error.h"

namespace dbgate::identity {

inline constexpr std::size_t max_password_bytes = 1024;

/// What a new password must be (NIST SP 800-63B §5.1.1.2: length and no known word, no rules of composition): 8
/// characters to 1024 bytes of UTF-8 without NUL, not the user's name, not one character over and over, and none of
/// the commonest. Errors: 22023 that says which; never the password itself.
Result<> check_new_password(std::string_view user, std::string_view password);

}  // namespace dbgate::identity
