#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace dbgate::api {

/// A name as one step of a JSON pointer (RFC 6901 §3), cut off where it is very long.
std::string pointer_step(std::string_view name);

/// The JSON pointer of the first member that stands twice in its object, at any depth; nothing: none does. Parsers
/// differ in which of the two counts, so that whoever looks at the body on its way could see another one.
/// @param text  valid JSON, of bounded depth
std::optional<std::string> find_duplicate(std::string_view text);

}  // namespace dbgate::api
