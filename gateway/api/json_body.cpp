#include "gateway/api/json_body.h"

#include <algorithm>
#include <boost/json.hpp>

#include "gateway/api/json_duplicates.h"
#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::size_t most_depth = 16;
constexpr std::size_t most_errors = 20;
constexpr std::int64_t most_sql_characters = 16 << 20;

std::string range(std::int64_t least, std::int64_t most) {
  return std::to_string(least) + " to " + std::to_string(most);
}

bool has_characters(const json::value& value, std::int64_t least, std::int64_t most, bool lines) {
  const json::string* const text = value.if_string();
  if (text == nullptr) return false;
  const std::string_view view(text->data(), text->size());
  if (lines ? view.find('\0') != std::string_view::npos : !is_plain_text(view)) return false;
  const auto size = static_cast<std::int64_t>(count_characters(view));
  return size >= least && size <= most;
}

bool is_list(const Member& member, const json::value& value) {
  if (!value.is_array()) return false;
  const json::array& list = value.get_array();
  const auto size = static_cast<std::int64_t>(list.size());
  if (size < member.least || size > member.most) return false;
  return std::all_of(list.begin(), list.end(), [&member](const json::value& item) {
    if (member.kind == Member::Kind::objects) return item.is_object();
    if (member.kind == Member::Kind::values) return !item.is_object() && !item.is_array();
    return has_characters(item, member.least_of_each, member.most_of_each, true);
  });
}

bool is_whole(const Member& member, const json::value& value) {
  boost::system::error_code failed;
  if (!value.is_int64() && !value.is_uint64()) return false;
  const auto number = value.to_number<std::int64_t>(failed);
  return !failed && number >= member.least && number <= member.most;
}

bool is_word(const Member& member, const json::value& value) {
  const json::string* const text = value.if_string();
  if (text == nullptr) return false;
  const std::string_view view(text->data(), text->size());
  return std::find(member.words.begin(), member.words.end(), view) != member.words.end();
}

bool fits(const Member& member, const json::value& value) {
  switch (member.kind) {
    case Member::Kind::text:
      return member.words.empty() ? has_characters(value, member.least, member.most, false) : is_word(member, value);
    case Member::Kind::secret:
      return has_characters(value, member.least, member.most, true);
    case Member::Kind::whole:
      return is_whole(member, value);
    case Member::Kind::boolean:
      return value.is_bool();
    case Member::Kind::texts:
    case Member::Kind::values:
    case Member::Kind::objects:
      return is_list(member, value);
    case Member::Kind::object:
      return value.is_object();
  }
  return false;
}

std::string must_be(const Member& member) {
  switch (member.kind) {
    case Member::Kind::text: {
      if (member.words.empty()) return "must be a string of " + range(member.least, member.most) + " characters";
      std::string words;
      for (const std::string_view word : member.words)
        words += (words.empty() ? "" : ", ") + std::string(word);
      return "must be one of: " + words;
    }
    case Member::Kind::secret:
      return "must be a string of " + range(member.least, member.most) + " characters";
    case Member::Kind::whole:
      return "must be a whole number from " + range(member.least, member.most);
    case Member::Kind::boolean:
      return "must be true or false";
    case Member::Kind::texts:
      return "must be a list of " + range(member.least, member.most) + " strings";
    case Member::Kind::values:
      return "must be a list of " + range(member.least, member.most) + " strings, numbers, booleans or nulls";
    case Member::Kind::objects:
      return "must be a list of " + range(member.least, member.most) + " objects";
    case Member::Kind::object:
      return "must be an object";
  }
  return {};
}

bool is_type(std::string_view content_type, std::string_view wanted) {
  const std::string_view essence = content_type.substr(0, content_type.find_first_of("; \t"));
  return std::equal(essence.begin(), essence.end(), wanted.begin(), wanted.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
}

}  // namespace

Member Member::optional() const {
  Member other = *this;
  other.required = false;
  return other;
}

Member Member::nullable() const {
  Member other = *this;
  other.takes_null = true;
  return other;
}

namespace member {

Member text(std::string_view name, std::int64_t least, std::int64_t most) {
  return {.name = name, .kind = Member::Kind::text, .least = least, .most = most};
}
Member secret(std::string_view name, std::int64_t least, std::int64_t most) {
  return {.name = name, .kind = Member::Kind::secret, .least = least, .most = most};
}
Member sql(std::string_view name) {
  return secret(name, 0, most_sql_characters);
}
Member whole(std::string_view name, std::int64_t least, std::int64_t most) {
  return {.name = name, .kind = Member::Kind::whole, .least = least, .most = most};
}
Member boolean(std::string_view name) {
  return {.name = name, .kind = Member::Kind::boolean};
}
Member word(std::string_view name, std::initializer_list<std::string_view> words) {
  return {.name = name, .kind = Member::Kind::text, .words = words};
}
Member texts(std::string_view name, std::int64_t least, std::int64_t most, std::int64_t most_of_each,
             std::int64_t least_of_each) {
  return {.name = name,
          .kind = Member::Kind::texts,
          .least = least,
          .most = most,
          .least_of_each = least_of_each,
          .most_of_each = most_of_each};
}
Member values(std::string_view name, std::int64_t least, std::int64_t most) {
  return {.name = name, .kind = Member::Kind::values, .least = least, .most = most};
}
Member object(std::string_view name) {
  return {.name = name, .kind = Member::Kind::object};
}
Member objects(std::string_view name, std::int64_t least, std::int64_t most) {
  return {.name = name, .kind = Member::Kind::objects, .least = least, .most = most};
}

}  // namespace member

JsonBody::JsonBody(const Request& request, const std::vector<Member>& members, bool merge_patch) {
  read(request, members, merge_patch);
}

void JsonBody::fail(std::string code, std::string detail) {
  code_ = std::move(code);
  detail_ = std::move(detail);
}

void JsonBody::refuse(std::string_view name, std::string detail) {
  if (code_.empty()) fail("bad_request", "\"" + std::string(name) + "\" " + detail);
  errors_.push_back({"/" + pointer_step(name), std::move(detail)});
}

void JsonBody::read(const Request& request, const std::vector<Member>& members, bool merge_patch) {
  const char* const wanted = merge_patch ? "application/merge-patch+json" : "application/json";
  if (!is_type(request.content_type, wanted)) {
    return fail("unsupported_media_type", std::string("send ") + wanted);
  }
  boost::system::error_code failed;
  json::parse_options options;
  options.max_depth = most_depth;
  body_ = json::parse(request.body, failed, {}, options);
  if (failed || !body_.is_object()) {
    body_ = nullptr;
    return fail("bad_request", "the body is not a JSON object");
  }
  if (auto twice = find_duplicate(request.body)) {
    body_ = nullptr;
    fail("bad_request", "a member is given twice: which of the two is meant cannot be told");
    errors_.push_back({std::move(*twice), "is given twice"});
    return;
  }
  for (const auto& [key, value] : body_.get_object()) {
    const std::string_view name(key.data(), key.size());
    const auto known = std::find_if(members.begin(), members.end(), [name](const Member& m) { return m.name == name; });
    if (errors_.size() >= most_errors) return;
    if (known == members.end()) {
      if (code_.empty()) fail("bad_request", "there is a member that this operation does not know");
      refuse(name, "is not known here");
    } else if (!(known->takes_null && value.is_null()) && !fits(*known, value)) {
      refuse(name, must_be(*known));
    }
  }
  for (const Member& member : members) {
    if (member.required && !merge_patch && !body_.get_object().contains(member.name)) {
      refuse(member.name, "is missing: " + must_be(member));
    }
  }
}

Response JsonBody::refused(const Request& request) const {
  return problem(request, code_, detail_, {.errors = errors_});
}

const json::value* JsonBody::value(std::string_view name) const {
  return body_.is_object() ? body_.get_object().if_contains(name) : nullptr;
}

bool JsonBody::is_null(std::string_view name) const {
  const json::value* const found = value(name);
  return found != nullptr && found->is_null();
}

std::string JsonBody::text(std::string_view name) const {
  const json::value* const found = value(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::int64_t JsonBody::whole(std::string_view name, std::int64_t otherwise) const {
  const json::value* const found = value(name);
  boost::system::error_code failed;
  const bool number = found != nullptr && (found->is_int64() || found->is_uint64());
  const auto read = number ? found->to_number<std::int64_t>(failed) : otherwise;
  return failed ? otherwise : read;
}

bool JsonBody::boolean(std::string_view name, bool otherwise) const {
  const json::value* const found = value(name);
  return found != nullptr && found->is_bool() ? found->get_bool() : otherwise;
}

std::vector<std::string> JsonBody::texts(std::string_view name) const {
  std::vector<std::string> list;
  const json::value* const found = value(name);
  if (found == nullptr || !found->is_array()) return list;
  for (const json::value& item : found->get_array()) {
    if (item.is_string()) list.emplace_back(item.get_string());
  }
  return list;
}

}  // namespace dbgate::api
