#include "gateway/api/events.h"

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "gateway/api/problem.h"
#include "gateway/base/clock.h"
#include "gateway/net/race.h"

namespace dbgate::api {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds heartbeat{15};
// How long a stream may go on after its credential has been revoked.
constexpr std::chrono::seconds trust_for{1};
constexpr std::array<std::string_view, 6> topics{"sessions", "sign_ins", "changes", "denials", "approvals", "queries"};
constexpr std::size_t most_piece_bytes = 64u << 10;
constexpr std::string_view protocol = "dbgate.events.v1";

/// One watcher: who, what of, and how far it has got.
struct Watching {
  Watching(Services& all, const Request& request)
      : services(all), watch(all.events), who(request), client(request.client), next(all.events.next()) {
    who.client = nullptr;
  }

  Services& services;
  EventHub::Watch watch;
  Request who;               // for asking again whether the credential is good
  Client* client = nullptr;  // while the stream is written
  std::vector<std::string> topics;
  std::uint64_t next = 0;
  bool missed = false;  // there were events that cannot be given any more
  bool gone = false;    // the client
  Clock::time_point checked = Clock::now();
  Clock::time_point sent = Clock::now();

  bool may_see(const ports::Event& event) const {
    if (event.type == EventHub::missed) return true;
    const bool wanted = topics.empty() || std::find(topics.begin(), topics.end(), event.topic) != topics.end();
    return wanted && (concerns(event) || any_of(who.caller->roles, Role::auditor));
  }
  bool concerns(const ports::Event& event) const {
    const Caller& me = *who.caller;
    if (me.user.empty()) return false;
    const auto mine = [&me](const std::string& group) {
      return std::find(me.groups.begin(), me.groups.end(), group) != me.groups.end();
    };
    return event.user == me.user || event.by == me.user ||
           std::find(event.users.begin(), event.users.end(), me.user) != event.users.end() ||
           std::any_of(event.groups.begin(), event.groups.end(), mine);
  }
};

bool read_topics(const std::string& text, std::vector<std::string>& into) {
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    into.push_back(text.substr(begin, comma - begin));
    if (std::find(topics.begin(), topics.end(), into.back()) == topics.end() || into.size() > topics.size())
      return false;
    begin = comma + 1;
  }
  return true;
}

// Begins where the client has got to, if the ring still has that; otherwise now.
std::shared_ptr<Watching> begin(Services& services, const Request& request, Response& refused) {
  const auto query = read_query(request, {"topics", "last_event_id"}, refused);
  if (!query) return nullptr;
  auto watching = std::make_shared<Watching>(services, request);
  std::string last(request.headers.get("Last-Event-ID"));
  for (const auto& [name, value] : *query) {
    if (name == "last_event_id") last = value;
    if (name == "topics" && !read_topics(value, watching->topics)) {
      refused = problem(
          request, "bad_request", "topics are a list of: sessions, sign_ins, changes, denials, approvals, queries",
          {.errors = {
               {"?topics", "must be of sessions, sign_ins, changes, denials, approvals, queries, with commas"}}});
      return nullptr;
    }
  }
  if (last.empty()) return watching;
  const EventHub& hub = services.events;
  const auto number = hub.number_of(last);
  watching->missed = !number || *number + 1 < hub.first() || *number >= hub.next();
  if (!watching->missed) watching->next = *number + 1;
  return watching;
}

// Asks again now and then: a credential that was revoked must not watch on.
Task<bool> still_trusted(Watching& watching) {
  const std::int64_t expires = watching.who.caller->expires;
  if (expires > 0 && wall_clock_us() / 1'000'000 >= expires) co_return false;
  if (Clock::now() - watching.checked < trust_for) co_return true;
  auto caller = co_await watching.services.authenticator.authenticate(watching.who);
  if (!caller) co_return false;
  watching.who.caller = std::move(*caller);
  watching.checked = Clock::now();
  co_return true;
}

Task<> pause_until(Clock::time_point time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

// Looks before it waits, with nothing in between: what happens while nobody waits is not told.
Task<> wait_for_change(const Watching& watching) {
  EventHub& hub = watching.services.events;
  if (watching.next == hub.next() && !hub.closed() && !watching.gone) co_await hub.changed().wait();
}

// Returns when something has happened, or it is time for a heartbeat.
Task<> wait_for_events(const Watching& watching) {
  auto changed = wait_for_change(watching);
  auto beat = pause_until(watching.sent + heartbeat);
  co_await net::race(std::move(changed), std::move(beat));
}

using Render = std::string (*)(const EventHub& hub, const EventHub::Numbered& event);

std::string as_sse(const EventHub& hub, const EventHub::Numbered& event) {
  return "id: " + hub.id_of(event.number) + "\nevent: " + event.event.type + "\ndata: " + event.event.data + "\n\n";
}

std::string as_message(const EventHub& hub, const EventHub::Numbered& event) {
  return R"({"id":")" + hub.id_of(event.number) + R"(","topic":")" + event.event.topic + R"(","type":")" +
         event.event.type + R"(","data":)" + event.event.data + "}";
}

// What the watcher may see of what it has not got, up to `most` events. False if it has been too slow.
bool collect(Watching& watching, Render render, std::vector<std::string>& pieces, std::size_t most_bytes) {
  const EventHub& hub = watching.services.events;
  if (watching.next < hub.first()) return false;
  std::size_t bytes = 0;
  for (; bytes < most_bytes; ++watching.next) {
    const EventHub::Numbered* const event = hub.at(watching.next);
    if (event == nullptr) return true;
    if (!watching.may_see(event->event)) continue;
    pieces.push_back(render(hub, *event));
    bytes += pieces.back().size();
  }
  return true;
}

Task<bool> send_as_sse(std::shared_ptr<Watching> watching, BodyWriter& out) {
  // The number, so that a client that has seen nothing yet can go on from here.
  std::string first = "retry: 2000\nid: " + watching->services.events.id_of(watching->next - 1) + "\n";
  first += watching->missed ? "event: missed\ndata: {}\n\n" : "data:\n\n";
  if (Client* const client = watching->client; client != nullptr) {
    client->when_gone([watching] {
      watching->gone = true;
      watching->services.events.changed().notify();
    });
  }
  auto written = co_await out.write(first);
  while (written) {
    co_await wait_for_events(*watching);
    const bool trusted = co_await still_trusted(*watching);
    if (!trusted || watching->gone || watching->services.events.closed()) break;
    std::vector<std::string> pieces;
    if (!collect(*watching, as_sse, pieces, most_piece_bytes)) co_return false;
    std::string text;
    for (const std::string& piece : pieces)
      text += piece;
    // Nothing at all for events that are not for these eyes.
    const auto now = Clock::now();
    if (text.empty() && now - watching->sent < heartbeat) continue;
    if (text.empty()) text = ": alive\n\n";
    watching->sent = now;
    written = co_await out.write(text);
  }
  co_return true;
}

// Watches for the peer's close; what it says is read and dropped.
Task<> read_until_gone(WebSocket& socket) {
  char buffer[512];
  for (std::size_t got = 1; got > 0;)
    got = co_await socket.read_some(buffer, sizeof buffer);
}

Task<> send_messages(Watching& watching, WebSocket& socket) {
  bool going = true;
  if (watching.missed) going = co_await socket.write_text(R"({"type":"missed"})");
  while (going) {
    co_await wait_for_events(watching);
    const bool trusted = co_await still_trusted(watching);
    std::vector<std::string> pieces;
    const bool kept_up = collect(watching, as_message, pieces, most_piece_bytes);
    if (!trusted || !kept_up || watching.services.events.closed()) {
      co_await socket.close(!trusted ? 1008 : !kept_up ? 1013 : 1001);
      co_return;
    }
    for (std::size_t i = 0; going && i < pieces.size(); ++i)
      going = co_await socket.write_text(pieces[i]);
  }
}

Task<> send_to_socket(std::shared_ptr<Watching> watching, WebSocket& socket) {
  auto sending = send_messages(*watching, socket);
  auto reading = read_until_gone(socket);
  co_await net::race(std::move(sending), std::move(reading));
}

}  // namespace

Task<Response> stream_events(Services& services, Request& request) {
  Response response;
  auto watching = begin(services, request, response);
  if (!watching) co_return response;
  response.content_type = "text/event-stream";
  response.stream = [watching](BodyWriter& out) { return send_as_sse(watching, out); };
  co_return response;
}

Task<Response> open_events(Services& services, Request& request) {
  Response response;
  auto watching = begin(services, request, response);
  if (!watching) co_return response;
  response.status = 101;
  response.upgrade =
      Upgrade{std::string(protocol), [watching](WebSocket& socket) { return send_to_socket(watching, socket); }};
  co_return response;
}

}  // namespace dbgate::api
