#include "gateway/api/listing.h"

#include <algorithm>
#include <boost/json.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <charconv>

#include "gateway/api/problem.h"
#include "gateway/api/router.h"
#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

namespace store = ports::store;
using Parameters = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t most_limit = 500;
constexpr std::size_t most_parameters = 50;
constexpr std::size_t tag_bytes = 16;
constexpr char between = '\n';  // in no id and no number

Response refuse(const Request& request, const std::string& name, const std::string& detail) {
  return problem(request, "bad_request", "the parameter \"" + name + "\" " + detail,
                 {.errors = {{"?" + name, detail}}});
}

// "a=1&b=2", where "+" is a space (HTML's form encoding). Nothing if an escape is broken.
std::optional<Parameters> decode(std::string_view query) {
  Parameters parameters;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string one(query.substr(0, end));
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = one.find('=');
    const auto part = [](std::string text) {
      std::replace(text.begin(), text.end(), '+', ' ');
      return decode_percent(text);
    };
    auto name = part(one.substr(0, equals));
    auto value = part(equals == std::string::npos ? std::string() : one.substr(equals + 1));
    if (!name || !value || !is_plain_text(*name) || !is_plain_text(*value) || parameters.size() == most_parameters)
      return {};
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return parameters;
}

// Every name and value is preceded by its length: no two places read the same.
void add_part(std::string& place, std::string_view part) {
  place += std::to_string(part.size()) + ':' + std::string(part);
}

struct Reading {
  const Request& request;
  const ListOffer& offer;
  ListQuery query;
  std::string why;  // what is wrong with a parameter

  bool read(const std::string& name, const std::string& value);
  bool read_sort(const std::string& value);
  bool read_limit(const std::string& value);
  bool read_instant(const std::string& value, std::optional<std::int64_t>& into);
};

bool Reading::read_limit(const std::string& value) {
  why = "must be a whole number from 1 to 500";
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), query.limit);
  return failed == std::errc() && end == value.data() + value.size() && query.limit >= 1 && query.limit <= most_limit;
}

bool Reading::read_sort(const std::string& value) {
  query.descending = value.starts_with('-');
  query.sort = value.substr(query.descending ? 1 : 0);
  why = "must be one of:";
  for (const std::string_view field : offer.sorts)
    why += " " + std::string(field);
  why += ", with \"-\" before it for descending";
  return std::find(offer.sorts.begin(), offer.sorts.end(), query.sort) != offer.sorts.end();
}

bool Reading::read_instant(const std::string& value, std::optional<std::int64_t>& into) {
  why = "must be a time such as 2026-11-21T05:04:03Z";
  into = parse_time(value);
  return into.has_value();
}

bool Reading::read(const std::string& name, const std::string& value) {
  if (name == "limit") return read_limit(value);
  if (name == "cursor") return true;
  if (name == "sort" && !offer.sorts.empty()) return read_sort(value);
  if (name == "since" && offer.times) return read_instant(value, query.since_us);
  if (name == "until" && offer.times) return read_instant(value, query.until_us);
  why = "is not known here";
  if (std::find(offer.filters.begin(), offer.filters.end(), name) == offer.filters.end()) return false;
  query.filters.emplace_back(name, value);
  return true;
}

std::string place_of(const Request& request, const Parameters& sorted) {
  std::string place;
  add_part(place, request.operation->id);
  for (const std::string& parameter : request.parameters)
    add_part(place, parameter);
  add_part(place, request.caller ? request.caller->user : "");
  for (const auto& [name, value] : sorted) {
    if (name == "cursor" || name == "limit") continue;
    add_part(place, name);
    add_part(place, value);
  }
  return place;
}

std::string percent_encode(std::string_view text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

std::optional<Parameters> each_once(std::string_view encoded) {
  auto fields = decode(encoded);
  if (!fields) return {};
  std::sort(fields->begin(), fields->end());
  const auto twice = std::adjacent_find(fields->begin(), fields->end(),
                                        [](const auto& left, const auto& right) { return left.first == right.first; });
  if (twice != fields->end()) return {};
  return fields;
}

// The request's own query with another cursor.
std::string next_link(const Request& request, const std::string& cursor) {
  std::string link = "<" + request.path + "?";
  for (const auto& [name, value] : decode(request.query).value_or(Parameters())) {
    if (name != "cursor") link += percent_encode(name) + "=" + percent_encode(value) + "&";
  }
  return link + "cursor=" + cursor + ">; rel=\"next\"";
}

}  // namespace

std::string Cursors::tag(std::string_view place, std::string_view last) const {
  std::string text;
  add_part(text, place);
  add_part(text, last);
  return hmac_sha256(secret_, text).substr(0, tag_bytes);
}

std::string Cursors::sign(std::string_view place, std::string_view last) const {
  return encode_base64url(tag(place, last) + std::string(last));
}

std::optional<std::string> Cursors::open(std::string_view place, std::string_view cursor) const {
  const auto bytes = decode_base64url(cursor);
  if (!bytes || bytes->size() < tag_bytes) return {};
  std::string last = bytes->substr(tag_bytes);
  if (!equal_secrets(bytes->substr(0, tag_bytes), tag(place, last))) return {};
  return last;
}

const std::string* ListQuery::filter(std::string_view name) const noexcept {
  const auto found =
      std::find_if(filters.begin(), filters.end(), [name](const auto& one) { return one.first == name; });
  return found == filters.end() ? nullptr : &found->second;
}

store::Page store_page(const ListQuery& query) {
  store::Page page;
  page.limit = query.limit;
  page.descending = query.descending;
  const std::size_t split = query.last.find(between);
  if (split != std::string::npos) page.after = store::Cursor{query.last.substr(0, split), query.last.substr(split + 1)};
  return page;
}

std::string place_in_store(const std::optional<store::Cursor>& next) {
  return next ? next->key + between + next->id : std::string();
}

std::optional<Parameters> read_query(const Request& request, const std::vector<std::string_view>& known,
                                     Response& refused) {
  auto parameters = decode(request.query);
  if (!parameters) {
    refused = problem(request, "bad_request", "the query is not percent-encoded UTF-8, or has too many parameters");
    return {};
  }
  std::sort(parameters->begin(), parameters->end());
  for (std::size_t i = 0; i < parameters->size(); ++i) {
    const std::string& name = (*parameters)[i].first;
    const bool twice = i > 0 && (*parameters)[i - 1].first == name;
    if (!twice && std::find(known.begin(), known.end(), name) != known.end()) continue;
    refused = refuse(request, name, twice ? "stands there twice" : "is not known here");
    return {};
  }
  return parameters;
}

std::optional<Parameters> read_any_query(const Request& request) {
  return each_once(request.query);
}

std::optional<Parameters> read_form(const Request& request) {
  const std::string_view type(request.content_type);
  if (type.substr(0, type.find(';')) != "application/x-www-form-urlencoded") return {};
  return each_once(request.body);
}

std::optional<ListQuery> read_list_query(const Request& request, const Cursors& cursors, const ListOffer& offer,
                                         Response& refused) {
  std::vector<std::string_view> known{"limit", "cursor"};
  if (!offer.sorts.empty()) known.emplace_back("sort");
  if (offer.times) known.insert(known.end(), {"since", "until"});
  known.insert(known.end(), offer.filters.begin(), offer.filters.end());
  const auto parameters = read_query(request, known, refused);
  if (!parameters) return {};
  Reading reading{request, offer, {}, {}};
  if (!offer.sorts.empty()) reading.query.sort = offer.sorts.front();
  for (const auto& [name, value] : *parameters) {
    if (reading.read(name, value)) continue;
    refused = refuse(request, name, reading.why);
    return {};
  }
  reading.query.place = place_of(request, *parameters);
  for (const auto& [name, value] : *parameters) {
    if (name != "cursor") continue;
    auto last = cursors.open(reading.query.place, value);
    if (!last) {
      refused = problem(request, "invalid_cursor", "the cursor is not one of this list");
      return {};
    }
    reading.query.last = std::move(*last);
  }
  return std::move(reading.query);
}

Response list_response(const Request& request, const Cursors& cursors, const ListQuery& query,
                       const std::vector<std::string>& items, const std::string& last, std::optional<bool> cut) {
  std::string body = "{\"items\":[";
  for (std::size_t i = 0; i < items.size(); ++i)
    body += (i > 0 ? "," : "") + items[i];
  const std::string cursor = last.empty() ? std::string() : cursors.sign(query.place, last);
  body += cursor.empty() ? "],\"next_cursor\":null" : "],\"next_cursor\":\"" + cursor + "\"";
  if (cut) body += *cut ? ",\"cut\":true" : ",\"cut\":false";
  body += '}';
  Response response = json_response(std::move(body));
  if (!cursor.empty()) response.headers.set("Link", next_link(request, cursor));
  return response;
}

}  // namespace dbgate::api
