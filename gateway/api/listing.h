#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/api/exchange.h"
#include "gateway/ports/store_records.h"

namespace dbgate::api {

/// Makes and opens the cursors of lists: where a page ended, signed, so that a client can only give back what it got.
class Cursors {
 public:
  /// @param secret  the same in every process that serves the same lists
  explicit Cursors(std::string secret) : secret_(std::move(secret)) {}

  /// @param place  which list this is: operation, user, order and filters; not readable from the cursor
  /// @param last   the key of the last item of the page
  std::string sign(std::string_view place, std::string_view last) const;
  /// @return `last`, or nothing for anything that sign() did not make for the same place
  std::optional<std::string> open(std::string_view place, std::string_view cursor) const;

 private:
  std::string tag(std::string_view place, std::string_view last) const;
  std::string secret_;
};

/// What a list can be asked for, beside `limit` and `cursor`.
struct ListOffer {
  std::vector<std::string_view> sorts =
      {};  ///< fields for `sort`; the first is the default; "-" before the name: descending
  std::vector<std::string_view> filters = {};
  bool times = false;  ///< `since` and `until`
};

/// The query of a list. Every parameter at most once; unknown ones are refused.
struct ListQuery {
  std::size_t limit = 50;
  std::string last;  ///< the key of the last item that the client has; empty: begin
  std::string sort;  ///< a field of the offer, without "-"
  bool descending = false;
  std::optional<std::int64_t> since_us;  ///< items at or after
  std::optional<std::int64_t> until_us;  ///< items before
  std::vector<std::pair<std::string, std::string>> filters;
  std::string place;  ///< for Cursors

  const std::string* filter(std::string_view name) const noexcept;
};

/// Reads the query of a list. On failure `refused` is the answer.
std::optional<ListQuery> read_list_query(const Request& request, const Cursors& cursors, const ListOffer& offer,
                                         Response& refused);

/// The answer {"items":[…],"next_cursor":…}, with `Link: rel="next"` if there is more.
/// @param items  JSON texts
/// @param last   the key of the last item if there are more behind it; empty: this is the end
/// @param cut    of lists that are searched for: whether the page ended because so much had been read
Response list_response(const Request& request, const Cursors& cursors, const ListQuery& query,
                       const std::vector<std::string>& items, const std::string& last, std::optional<bool> cut = {});

/// The page of the store that a list begins with.
ports::store::Page store_page(const ListQuery& query);
/// What a cursor keeps of the store's place in a list; empty: this was the end.
std::string place_in_store(const std::optional<ports::store::Cursor>& next);

/// A list as the store has given it. @param text  JSON
template <class T>
Response store_list_response(const Request& request, const Cursors& cursors, const ListQuery& query,
                             const ports::store::Listed<T>& list, const std::function<std::string(const T&)>& text) {
  std::vector<std::string> items;
  for (const T& item : list.items)
    items.push_back(text(item));
  return list_response(request, cursors, query, items, place_in_store(list.next));
}

/// The parameters of a query for operations that are no lists: each name at most once, none but `known`.
/// @return nothing, and `refused` is the answer, if there is anything else
std::optional<std::vector<std::pair<std::string, std::string>>> read_query(const Request& request,
                                                                           const std::vector<std::string_view>& known,
                                                                           Response& refused);

/// The same for operations that others than our clients call: whatever else the query has is not looked at
/// (RFC 6749 §4.1.2). @return nothing if it cannot be read, or has a parameter twice
std::optional<std::vector<std::pair<std::string, std::string>>> read_any_query(const Request& request);

/// The fields of a form (application/x-www-form-urlencoded), as OAuth's token endpoint takes them (RFC 6749 §4.1.3).
/// @return nothing if the body is no such form, or has a field twice
std::optional<std::vector<std::pair<std::string, std::string>>> read_form(const Request& request);

}  // namespace dbgate::api
