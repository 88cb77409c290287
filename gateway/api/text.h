#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Encodings of HTTP and JSON that the standard library does not have. Pure.
namespace dbgate::api {

/// Percent-decoding (RFC 3986 §2.1), once. @return nothing if an escape is broken
std::optional<std::string> decode_percent(std::string_view text);
/// UTF-8 without control characters (U+0000 to U+001F, U+007F).
bool is_plain_text(std::string_view text) noexcept;
/// The number of characters of valid UTF-8.
std::size_t count_characters(std::string_view text) noexcept;

/// base64url without padding (RFC 4648 §5).
std::string encode_base64url(std::string_view bytes);
/// @return nothing unless it is what encode_base64url() would make
std::optional<std::string> decode_base64url(std::string_view text);
/// SHA-256, and HMAC with it; 32 bytes.
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// In a time that does not tell where they differ.
bool equal_secrets(std::string_view left, std::string_view right) noexcept;

/// "2026-11-21T05:04:03Z" (or with up to 6 digits of fraction) as microseconds since 1970 UTC; nothing otherwise.
std::optional<std::int64_t> parse_time(std::string_view text) noexcept;
/// Seconds since 1970 UTC, as RFC 3339 and as HTTP's date (RFC 9110 §5.6.7).
std::string rfc3339(std::int64_t seconds);
std::string http_date(std::int64_t seconds);
/// For HTML text and attributes.
std::string escape_html(std::string_view text);

}  // namespace dbgate::api
