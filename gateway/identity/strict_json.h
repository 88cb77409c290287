#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// JSON that decides who somebody is: read in one way only.
namespace dbgate::identity {

/// The object that `text` is. Nothing if it is anything else, nests deeper than 16, or has a member twice: two readers
/// could take different ones (RFC 8725 §2.4, 3.1).
std::optional<boost::json::object> parse_object(std::string_view text);

/// The member if it is a string; the empty string if it is not there or anything else.
std::string text_member(const boost::json::object& object, std::string_view name);
/// The member if it is an integer from 0 to 10^12, as RFC 7519's times are; a fraction is cut off.
std::optional<std::int64_t> time_member(const boost::json::object& object, std::string_view name);
/// The member's strings, be it one or a list; others in the list are left out.
std::vector<std::string> texts_member(const boost::json::object& object, std::string_view name);

/// RFC 4648 §5 without padding.
std::string base64url(std::string_view raw);
/// As in a URL's query or a form: everything but letters, digits and "-._~" as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace dbgate::identity
