#include "gateway/identity/strict_json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <set>

#include "gateway/auth/digests.h"

namespace dbgate::identity {
namespace {

namespace json = boost::json;
using boost::system::error_code;

constexpr std::size_t max_depth = 16;
constexpr double latest = 1e12;

/// Stops at the second member of one name. Boost.JSON itself keeps the last of them.
struct OneOfEach {
  static constexpr std::size_t max_object_size = 1000;
  static constexpr std::size_t max_array_size = 10'000;
  static constexpr std::size_t max_key_size = 1000;
  static constexpr std::size_t max_string_size = 1u << 20;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    seen.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    seen.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(json::string_view part, std::size_t, error_code&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, error_code& failed) {
    key.append(part.data(), part.size());
    if (!seen.back().insert(std::move(key)).second) failed = json::error::syntax;
    key.clear();
    return !failed;
  }
  bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, error_code&) { return true; }
  bool on_double(double, json::string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

  std::vector<std::set<std::string>> seen;
  std::string key;
};

}  // namespace

std::optional<json::object> parse_object(std::string_view text) {
  json::parse_options options;
  options.max_depth = max_depth;
  error_code failed;
  json::basic_parser<OneOfEach> once(options);
  const std::size_t used = once.write_some(false, text.data(), text.size(), failed);
  if (failed || used != text.size()) return std::nullopt;
  json::value value = json::parse(json::string_view(text.data(), text.size()), failed, {}, options);
  if (failed || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

std::string text_member(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(json::string_view(name.data(), name.size()));
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::optional<std::int64_t> time_member(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double number = value->to_number<double>();
  if (!(number >= 0 && number <= latest)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::vector<std::string> texts_member(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(json::string_view(name.data(), name.size()));
  std::vector<std::string> texts;
  if (value == nullptr) return texts;
  if (value->is_string()) texts.emplace_back(value->as_string());
  if (value->is_array()) {
    for (const json::value& element : value->as_array()) {
      if (element.is_string()) texts.emplace_back(element.as_string());
    }
  }
  return texts;
}

std::string base64url(std::string_view raw) {
  std::string text = auth::base64_encode(raw);
  text.erase(text.find_last_not_of('=') + 1);
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

std::string percent_encoded(std::string_view text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

}  // namespace dbgate::identity
