#include "gateway/app/access_service.h"

#include <algorithm>

#include "gateway/app/access_news.h"
#include "gateway/app/approvals.h"
#include "gateway/app/visible_pages.h"
#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/base/ids.h"
#include "gateway/base/log.h"
#include "gateway/policy/access.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;
using ports::AccessView;
using ports::Approver;
using store::AccessState;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::size_t most_tables = 100;
constexpr std::size_t most_verbs = 20;
constexpr std::size_t most_reason_bytes = 1000;
constexpr std::size_t most_ticket_bytes = 200;
constexpr std::chrono::milliseconds patience{2'000};

bool has(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

bool decides_on(const Approver& who, const store::AccessRequest& request) {
  if (who.user == request.user) return false;
  return has(request.approver_users, who.user) ||
         std::any_of(request.approver_groups.begin(), request.approver_groups.end(),
                     [&who](const std::string& group) { return who.groups.contains(group); });
}

bool may_end(const Approver& who, const store::AccessRequest& request) {
  return who.administrator || who.user == request.user || decides_on(who, request);
}

AccessView view_of(const Approver& who, store::AccessRequest request) {
  const bool open = request.state == AccessState::active || request.state == AccessState::pending;
  const bool may = open && may_end(who, request);
  return {std::move(request), may};
}

Error wrong(std::string why) {
  return Error(sqlstate::invalid_parameter_value, std::move(why));
}

Result<> check(const ports::AccessWish& wish) {
  if (wish.tables.empty() || wish.tables.size() > most_tables) return wrong("names no table, or more than 100");
  if (wish.verbs.empty() || wish.verbs.size() > most_verbs) return wrong("names no verb, or too many");
  if (wish.seconds < 1) return wrong("access is asked for 1s at least");
  if (wish.reason.find_first_not_of(" \t\r\n") == std::string::npos) {
    return wrong("a request needs a reason: who decides on it is told it");
  }
  if (wish.reason.size() > most_reason_bytes || wish.ticket.size() > most_ticket_bytes) {
    return wrong("a reason is at most 1000 bytes long, a ticket 200");
  }
  return boost::system::in_place_value;
}

// Of what waits for approval, "operation" is what people see first.
std::string body_of(const store::AccessRequest& request, const std::string& address) {
  std::string operation;
  for (const std::string& verb : request.verbs)
    operation += (operation.empty() ? "" : ", ") + verb;
  std::transform(operation.begin(), operation.end(), operation.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  std::string out = "{\"access_id\":";
  audit::append_json_string(out, request.id);
  audit::append_field(out, "operation", std::string_view(operation));
  out += ",\"tables\":[";
  for (std::size_t i = 0; i < request.tables.size(); ++i) {
    if (i > 0) out += ',';
    audit::append_json_string(out, request.tables[i]);
  }
  out += ']';
  audit::append_field(out, "seconds", static_cast<std::uint64_t>(request.seconds));
  if (request.break_glass) audit::append_field(out, "in_force", std::string_view("already, by break-glass"));
  if (!address.empty()) audit::append_field(out, "client_address", std::string_view(address));
  return out + "}";
}

store::AccessRequest request_of(const Approver& who, const ports::AccessWish& wish, const config::AccessOffer& offer) {
  store::AccessRequest request;
  request.id = make_id("acc_");
  request.user = who.user;
  request.target = wish.target;
  request.offer = offer.name;
  request.tables = wish.tables;
  request.verbs = wish.verbs;
  request.seconds = wish.seconds;
  request.reason = wish.reason;
  request.ticket = wish.ticket;
  request.break_glass = wish.break_glass;
  request.approval = make_id("apr_");
  return request;
}

store::Approval approval_of(const store::AccessRequest& request, const config::AccessOffer& offer,
                            const std::string& address) {
  const config::ApprovalRule& rule = request.break_glass ? *offer.break_glass.review : *offer.approval;
  store::Approval approval;
  approval.id = request.approval;
  approval.kind = request.break_glass ? store::ApprovalKind::review : store::ApprovalKind::access;
  approval.requester = request.user;
  approval.target = request.target;
  approval.policy_rule = offer.name + (request.break_glass ? "/break_glass" : "/approval");
  approval.reason = request.reason;
  approval.ticket = request.ticket;
  approval.rule = {rule.groups, rule.users, static_cast<std::uint32_t>(rule.needed)};
  approval.decide_by_us = wall_clock_us() + std::chrono::microseconds(rule.within).count();
  approval.good_for_us = request.seconds * second_us;
  approval.once = false;
  approval.digest = audit::sha256_hex("access " + request.id);
  approval.body = body_of(request, address);
  return approval;
}

Error no_such(const std::string& id) {
  return Error(sqlstate::no_data, "there is no request for access \"" + id + "\" for you");
}

}  // namespace

// `work` may use the caller's frame.
template <class T>
Task<Result<T>> AccessService::on_store(std::function<Result<T>(store::Store&)> work) {
  Result<T> result = Error();
  co_await net::run_on(identity_.blocking(), [&]() -> Task<> {
    result = work(identity_.store());
    co_return;
  });
  co_return result;
}

Task<Result<AccessView>> AccessService::ask(Approver who, ports::AccessWish wish) {
  DBGATE_CO_CHECK(check(wish));
  const auto snapshot = current_.get();
  const policy::Offered found = policy::find_offer(
      snapshot->config, {who.user, wish.target, wish.tables, wish.verbs, std::chrono::seconds(wish.seconds),
                         wish.break_glass, !wish.ticket.empty()});
  if (found.offer == nullptr) co_return Error(sqlstate::insufficient_privilege, found.why_not);
  const Request wanted = request_of(who, wish, *found.offer);
  const store::Approval approval = approval_of(wanted, *found.offer, who.address);
  const auto room = co_await on_store<bool>([&](store::Store& all) -> Result<bool> {
    DBGATE_CHECK(refuse_crowd(all.approvals(), who.user));
    return true;
  });
  if (!room) co_return room.error();
  DBGATE_CO_CHECK(record("access.requested", who, wanted, wish.reason));
  if (wanted.break_glass) DBGATE_CO_CHECK(record("access.granted", who, wanted, wish.reason));
  const auto made = co_await on_store<Request>(
      [&](store::Store& all) { return all.access().create_access(wanted, approval, wall_clock_us()); });
  if (!made) {
    const Error why = made.error();
    static_cast<void>(record("access.requested", who, wanted, wish.reason, why.code().text()));
    co_return why;
  }
  news_.tell("approval.requested", approval);
  if (made->break_glass) {
    log::warn("access", "somebody has access by break-glass",
              {{"user", made->user},
               {"target", made->target},
               {"offer", made->offer},
               {"access", made->id},
               {"until", format_time(made->ends_us)}});
    tell("access.granted", *made);
    co_await identity_.caught_up(patience);
  }
  co_return view_of(who, *made);
}

Result<store::Listed<AccessView>> AccessService::visible(const Approver& who, const store::AccessFilter& filter,
                                                         const store::Page& page) {
  return visible_page<AccessView>(
      page,
      [&](const store::Page& next) { return identity_.store().access().list_access(filter, next, wall_clock_us()); },
      [&](const Request& request) { return who.auditor || may_end(who, request); },
      [&](Request request) { return view_of(who, std::move(request)); },
      [](const AccessView& last) {
        return store::Cursor{last.request.id, last.request.offer};
      });
}

Task<Result<store::Listed<AccessView>>> AccessService::list(Approver who, store::AccessFilter filter,
                                                            store::Page page) {
  co_return co_await on_store<store::Listed<AccessView>>([&](store::Store&) { return visible(who, filter, page); });
}

Task<Result<AccessView>> AccessService::find(Approver who, std::string id) {
  co_return co_await on_store<AccessView>([&](store::Store& all) -> Result<AccessView> {
    DBGATE_TRY(auto found, all.access().find_access(id, wall_clock_us()));
    if (!found || (!who.auditor && !may_end(who, *found))) return no_such(id);
    return view_of(who, std::move(*found));
  });
}

Task<Result<AccessView>> AccessService::end(Approver who, std::string id, std::string reason) {
  if (reason.size() > most_reason_bytes) co_return wrong("a reason is at most 1000 bytes long");
  DBGATE_CO_TRY(const AccessView seen, co_await find(who, id));
  if (!may_end(who, seen.request)) {
    co_return Error(sqlstate::insufficient_privilege, "only its holder, who decides on it and administrators end it");
  }
  if (!seen.may_end) {
    co_return Error(sqlstate::object_not_in_prerequisite_state, id + " has ended, or was never given");
  }
  DBGATE_CO_CHECK(record("access.ended", who, seen.request, reason));
  const store::Ending why{reason.empty() ? "revoked" : reason, who.user};
  const auto ended =
      co_await on_store<Request>([&](store::Store& all) { return all.access().end_access(id, why, wall_clock_us()); });
  if (!ended) {
    const Error failed = ended.error();
    static_cast<void>(record("access.ended", who, seen.request, reason, failed.code().text()));
    co_return failed;
  }
  tell("access.ended", *ended);
  if (ended->state == AccessState::cancelled) {
    const auto approval = co_await on_store<std::optional<store::Approval>>(
        [&](store::Store& all) { return all.approvals().find_approval(ended->approval, wall_clock_us()); });
    if (approval && *approval) news_.tell("approval.ended", **approval);
  }
  co_await identity_.caught_up(patience);
  co_return view_of(who, *ended);
}

Task<Result<>> AccessService::decided(Approver who, store::Approval approval) {
  const bool given = approval.kind == store::ApprovalKind::access && approval.state == store::ApprovalState::approved;
  const bool refused = approval.kind == store::ApprovalKind::review && approval.state == store::ApprovalState::denied;
  if (!given && !refused) co_return boost::system::in_place_value;
  const auto found = co_await on_store<std::optional<Request>>(
      [&](store::Store& all) { return all.access().find_access_of(approval.id, wall_clock_us()); });
  if (!found) co_return found.error();
  if (!*found) co_return boost::system::in_place_value;
  const Request& request = **found;
  // Somebody may have taken it back, or the user is gone: then nothing was given.
  if (given && request.state != AccessState::active) co_return boost::system::in_place_value;
  const auto recorded = record(given ? "access.granted" : "access.ended", who, request, approval.votes.back().reason);
  if (given && !recorded) {
    const Error why = recorded.error();
    const auto ended = co_await on_store<Request>([&](store::Store& all) {
      return all.access().end_access(request.id, {"the audit log could not take it", {}}, wall_clock_us());
    });
    static_cast<void>(ended);
    co_return why;
  }
  tell(given ? "access.granted" : "access.ended", request);
  co_await identity_.caught_up(patience);
  co_return boost::system::in_place_value;
}

std::vector<ports::AccessInForce> AccessService::in_force(std::string_view user) const {
  const auto snapshot = current_.get();
  const std::int64_t now = wall_clock_us() / second_us;
  std::vector<ports::AccessInForce> all;
  const auto found = snapshot->temporary.find(user);
  if (found == snapshot->temporary.end()) return all;
  for (const auto& [target, rights] : found->second) {
    for (const policy::Temporary::Right& right : rights->rights) {
      if (now >= right.until) continue;
      const auto grant = std::find_if(snapshot->access.begin(), snapshot->access.end(),
                                      [&](const config::AccessGrant& one) { return one.id == right.id; });
      all.push_back({right.id, target, grant->tables, grant->verbs, grant->break_glass, right.until});
    }
  }
  return all;
}

std::vector<ports::AccessOfferSummary> AccessService::offers(std::string_view user) const {
  const auto snapshot = current_.get();
  std::vector<ports::AccessOfferSummary> all;
  for (const config::AccessOffer& offer : snapshot->config.offers) {
    const bool by_approval = policy::is_for(snapshot->config, offer, user, false);
    const bool by_glass = policy::is_for(snapshot->config, offer, user, true);
    if (!by_approval && !by_glass) continue;
    ports::AccessOfferSummary summary{offer.name, {}, offer.written, offer.verbs, 0, offer.needs_ticket, {}, 0};
    for (const std::string& target : offer.targets)
      if (snapshot->targets.contains(target)) summary.targets.push_back(target);
    if (by_approval) {
      summary.longest_s = offer.longest.count();
      summary.approvers = {offer.approval->groups, offer.approval->users,
                           static_cast<std::uint32_t>(offer.approval->needed)};
    }
    if (by_glass) summary.break_glass_longest_s = offer.break_glass.longest.count();
    all.push_back(std::move(summary));
  }
  return all;
}

// A failed one says so in a second record: the first was written before anybody could know.
Result<> AccessService::record(std::string_view event, const Approver& who, const Request& request,
                               std::string_view reason, std::string_view failed) {
  std::string fields;
  const auto add = [&fields](std::string_view key, std::string_view value) {
    if (!value.empty()) audit::append_field(fields, key, value);
  };
  add("user.name", who.user);
  add("client.address", who.address);
  fields += fields_of_access(request);
  add("access.reason", reason);
  add("access.ticket", request.ticket);
  add("db.response.status_code", failed);
  DBGATE_CHECK(chain_.append(event, fields));
  const auto written = chain_.commit();
  if (!written) return written.error();
  return boost::system::in_place_value;
}

void AccessService::tell(std::string_view event, const Request& request) {
  if (ports::EventSink* const events = events_()) events->publish(event_of_access(event, request));
}

}  // namespace dbgate::app
