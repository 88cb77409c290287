#pragma once
#include <string>
#include <string_view>

namespace dbgate {

/// An identifier such as "ses_01JD3K7V9Q…": a prefix, then 26 characters of Crockford's base 32 that hold 48 bits of
/// wall clock in milliseconds and 80 random bits. Sorts by time of making; not a secret.
std::string make_id(std::string_view prefix);

}  // namespace dbgate
