#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"

// The second factor: time-based one-time passwords (RFC 6238: HMAC-SHA-1, 6 digits, 30 s, what every authenticator
// app does without being told) and recovery codes for a lost device.
namespace dbgate::identity {

/// 20 random bytes, as RFC 4226 §4 recommends.
std::string make_totp_secret();
/// The secret for people to type in: base 32 (RFC 4648 §6) without padding.
std::string totp_base32(std::string_view secret);
/// What a QR code holds: otpauth://totp/dbgate:ana?secret=…&issuer=dbgate&algorithm=SHA1&digits=6&period=30
std::string totp_uri(std::string_view secret, std::string_view issuer, std::string_view user);

/// The time step that `code` belongs to: the one of `now_s` (seconds since 1970 UTC), the one before or the one after,
/// which allows for clocks and slow fingers. Nothing if the code is wrong, or its step is not later than `last_step`:
/// who remembers the step that was used accepts each code once (RFC 6238 §5.2). Takes the same time either way.
std::optional<std::int64_t> check_totp(std::string_view secret, std::string_view code, std::int64_t now_s,
                                       std::int64_t last_step);

/// Ten codes such as "k3xm-9q2p-…": 80 random bits each, so that a stored SHA-256 cannot be searched.
std::vector<std::string> make_recovery_codes();
/// What is stored of a code, however it was typed: dashes, spaces and case do not count, and o, i, l are 0, 1, 1.
/// The empty string for what cannot be a code.
std::string recovery_code_hash(std::string_view code);

}  // namespace dbgate::identity
