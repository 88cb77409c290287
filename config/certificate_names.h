#pragma once
#include <string>
#include <string_view>

namespace dbgate::config {

/// A name that a certificate carries as subject alternative name (RFC 5280 §4.2.1.6) in the one spelling in which names
/// are compared: "dns:host", "email:somebody@host" or "uri:…". Host names ignore case (RFC 4343), also those of mail
/// addresses; everything else is compared byte by byte.
///
/// @return empty if `name` is none of these, is longer than 1 kB, holds anything but printable ASCII, or stands for
/// more than one host (wildcards)
std::string normal_certificate_name(std::string_view name);

}  // namespace dbgate::config
