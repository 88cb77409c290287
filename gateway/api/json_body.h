#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/exchange.h"
#include "gateway/api/problem.h"

namespace dbgate::api {

/// What one member of a JSON body may be. Made by the functions below and narrowed by its own:
///
///   member::text("name", 1, 63), member::whole("limit", 1, 500).optional(), member::word("state", {"active",
///   "disabled"})
struct Member {
  enum class Kind : std::uint8_t { text, secret, whole, boolean, texts, values, objects, object };

  std::string_view name;
  Kind kind = Kind::text;
  std::int64_t least = 0;  ///< characters, value or items
  std::int64_t most = 0;
  std::int64_t least_of_each = 1;  ///< characters of each of `texts`
  std::int64_t most_of_each = 0;
  std::vector<std::string_view> words = {};
  bool required = true;
  bool takes_null = false;

  Member optional() const;
  /// null is as good as a value: clears it, in a merge patch.
  Member nullable() const;
};

namespace member {
/// Characters without control characters.
Member text(std::string_view name, std::int64_t least, std::int64_t most);
/// Characters with line ends and tabs, such as SQL and passwords; no U+0000.
Member secret(std::string_view name, std::int64_t least, std::int64_t most);
Member sql(std::string_view name);
Member whole(std::string_view name, std::int64_t least, std::int64_t most);
Member boolean(std::string_view name);
/// One of a few words.
Member word(std::string_view name, std::initializer_list<std::string_view> words);
/// A list of texts, each of so many characters (as `secret`).
Member texts(std::string_view name, std::int64_t least, std::int64_t most, std::int64_t most_of_each,
             std::int64_t least_of_each = 1);
/// A list of strings, numbers, booleans and nulls; they are for the handler, by JsonBody::value().
Member values(std::string_view name, std::int64_t least, std::int64_t most);
/// Any JSON object, or a list of them; what is inside is for the handler, by JsonBody::value().
Member object(std::string_view name);
Member objects(std::string_view name, std::int64_t least, std::int64_t most);
}  // namespace member

/// The body of a request, read by a description of its members. Anything else in it is refused: members that are not
/// described, wrong types, wrong lengths, invalid UTF-8, nesting beyond 16.
class JsonBody {
 public:
  /// @param merge_patch  application/merge-patch+json (RFC 7396) is what is wanted: no member is required
  JsonBody(const Request& request, const std::vector<Member>& members, bool merge_patch = false);

  bool valid() const noexcept { return code_.empty(); }
  /// The answer, if it is not valid: 400 with `errors`, or 415.
  Response refused(const Request& request) const;
  /// For what the description cannot say: adds an error at "/<name>".
  void refuse(std::string_view name, std::string detail);

  bool has(std::string_view name) const { return value(name) != nullptr; }
  bool is_null(std::string_view name) const;
  /// Empty without.
  std::string text(std::string_view name) const;
  std::int64_t whole(std::string_view name, std::int64_t otherwise) const;
  bool boolean(std::string_view name, bool otherwise) const;
  std::vector<std::string> texts(std::string_view name) const;
  /// Null without.
  const boost::json::value* value(std::string_view name) const;

 private:
  void read(const Request& request, const std::vector<Member>& members, bool merge_patch);
  void fail(std::string code, std::string detail);

  boost::json::value body_;
  std::string code_;
  std::string detail_;
  std::vector<FieldProblem> errors_;
};

}  // namespace dbgate::api
