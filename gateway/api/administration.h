#pragma once
#include <algorithm>
#include <boost/json/value.hpp>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api/account_answers.h"
#include "gateway/api/listing.h"
#include "gateway/api/services.h"
#include "gateway/ports/administration.h"

// What the handlers of administration share.
namespace dbgate::api {

ports::Actor actor_of(const Request& request);

/// Asks the administration, off the event loop. Errors: those of the question; 08006 without an identity store.
template <class T>
Task<Result<T>> ask(Services& services, std::function<Result<T>(ports::Administration&)> question) {
  if (services.administration == nullptr) {
    co_return Error(sqlstate::connection_failure, "this gateway has no identity store");
  }
  std::optional<Result<T>> answer;
  co_await services.administration->run([&] { answer.emplace(question(*services.administration)); });
  if (!answer) co_return Error(sqlstate::connection_failure, "the gateway is stopping");
  co_return std::move(*answer);
}

/// What an error of the administration is to a client.
Response refused_by(const Request& request, const Error& why);

/// The page of a list that is there as a whole. @param key  unique; what the list is sorted by
template <class T>
Response page_of(const Request& request, const Services& services, const ListQuery& query, std::vector<T> all,
                 const std::function<std::string(const T&)>& key, const std::function<std::string(const T&)>& text) {
  const auto before = [&query](const std::string& left, const std::string& right) {
    return query.descending ? right < left : left < right;
  };
  std::sort(all.begin(), all.end(), [&](const T& left, const T& right) { return before(key(left), key(right)); });
  std::vector<std::string> items;
  std::string last;
  bool more = false;
  for (const T& one : all) {
    if (!query.last.empty() && !before(query.last, key(one))) continue;
    more = items.size() == query.limit;
    if (more) break;
    items.push_back(text(one));
    last = key(one);
  }
  return list_response(request, services.cursors, query, items, more ? last : "");
}

}  // namespace dbgate::api
