#include <algorithm>

#include "gateway/net/reactor.h"
#include "gateway/upstream/opening.h"
#include "gateway/upstream/waiting_line.h"

namespace dbgate::upstream {
namespace {

// A connection that rests for so long is rather taken than another opened: its holder is not in the middle of work.
constexpr std::chrono::milliseconds rested_enough{10};
// A server connection that was told to end has ended by then (Link::end()).
constexpr std::chrono::milliseconds until_ended{2'000};

// What functions leave in a server process nothing may take away: it is its user's alone then.
bool suits(const Link& link, const LinkRequest& request) {
  const ServerMemory& memory = link.memory;
  return link.key == request.key && link.connection.use.in_place() &&
         (!memory.stained || memory.user.empty() || memory.user == request.user);
}

std::string in_seconds(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

Error none_free(const LinkRequest& request) {
  // Those who have all there may be wait for a host themselves.
  if (request.spec.choice && request.spec.choice->deserted()) return request.spec.choice->none_fits();
  std::string message = "too many connections for database \"" + request.target + "\"";
  if (request.wait.count() > 0) {
    message = "no server connection of \"" + request.target + "\" became free within " + in_seconds(request.wait);
  }
  return {sqlstate::too_many_connections, std::move(message), "pool.max of the target is reached"};
}

std::chrono::microseconds since(std::chrono::steady_clock::time_point when) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - when);
}

}  // namespace

Pool::Pool(PermitBook& book, Greetings& greetings, telemetry::WorkerCounters& counters)
    : book_(book), greetings_(greetings), counters_(counters) {}

Pool::~Pool() = default;

Pool::Opening::Opening(Pool& pool, const LinkRequest& request, const void* who)
    : request_(request), who_(who), list_(pool.opening_), place_(list_.insert(list_.end(), this)) {}

Pool::Opening::~Opening() {
  list_.erase(place_);
}

void Pool::start(net::Executor executor) {
  executor_ = std::move(executor);
  party_.granted = [this](const std::string& target) {
    net::post_to(executor_, [this, target] { on_granted(target); });
  };
  party_.wanted = [this](const std::string& target) { net::post_to(executor_, [this, target] { on_wanted(target); }); };
  party_.handed = [this](std::shared_ptr<LinkCargo> cargo) {
    net::post_to(executor_, [this, cargo = std::move(cargo)] { on_handed(std::move(*cargo)); });
  };
  party_.vacate = [this](std::shared_ptr<const DatabasePlace> place) {
    net::post_to(executor_, [this, place = std::move(place)] { on_vacate(place); });
  };
  party_.executor = executor_;
  book_.join(&party_);
}

PoolGroup& Pool::group_of(const std::string& key, const std::string& target) {
  const auto [at, fresh] = groups_.try_emplace(key);
  PoolGroup& group = at->second;
  if (fresh) {
    group.key = key;
    group.target = target;
    group.line = book_.line_of(target);
  }
  return group;
}

void Pool::move_to(Link& link, std::list<LinkPtr>& list) {
  list.splice(list.end(), *link.in_pool.list, link.in_pool.place);
  link.in_pool.list = &list;
}

void Pool::take_from_holder(Link& link) {
  LinkHolder* const holder = link.holder();
  link.detach();
  if (holder != nullptr) holder->on_link_taken();
}

// @param request  that it has to suit; null: any
LinkPtr Pool::take_free(PoolGroup& group, const LinkRequest* request) {
  for (;;) {
    const auto found = std::find_if(group.free.rbegin(), group.free.rend(), [request](const LinkPtr& link) {
      return request == nullptr || suits(*link, *request);
    });
    if (found == group.free.rend()) return nullptr;
    const LinkPtr link = *found;
    move_to(*link, group.busy);
    if (link->usable() && link->connection.use.in_place()) return link;
    link->usable() ? link->end() : forget(*link);
  }
}

// Who has rested longest needs it least.
LinkPtr Pool::take_resting(PoolGroup& group, std::chrono::milliseconds rested, const LinkRequest* request) {
  const auto found = std::find_if(group.resting.begin(), group.resting.end(), [request](const LinkPtr& link) {
    return request == nullptr || suits(*link, *request);
  });
  if (found == group.resting.end()) return nullptr;
  const LinkPtr link = *found;
  if (rested.count() > 0 && Clock::now() - link->in_pool.idle_since < rested) return nullptr;
  move_to(*link, group.busy);
  take_from_holder(*link);
  return link;
}

// A connection of the target that nobody uses now; null: there is none.
LinkPtr Pool::take_unused(const std::string& target) {
  for (auto& [key, group] : groups_) {
    if (group.target != target) continue;
    if (LinkPtr link = take_free(group)) return link;
    if (LinkPtr link = take_resting(group, {})) return link;
  }
  return nullptr;
}

Task<Result<LinkPtr>> Pool::take(LinkRequestPtr asked, const void* who) {
  if (closed_) co_return shutting_down();
  const LinkRequest& request = *asked;
  if (first_waiting(request.target) == nullptr) {
    PoolGroup& group = group_of(request.key, request.target);
    group.idle = request.idle;
    group.lifetime = request.lifetime;
    if (LinkPtr link = take_free(group, &request)) co_return link;
    if (LinkPtr link = take_resting(group, rested_enough, &request)) co_return link;
    if (book_.try_take(request.target, request.max)) co_return co_await open(request, who);
    if (LinkPtr link = take_resting(group, {}, &request)) co_return link;
    // None that is left suits. Its place is free once the server has closed it.
    if (const LinkPtr other = take_unused(request.target)) {
      other->end();
      co_return co_await wait_in_line(request, who, std::max(request.wait, until_ended));
    }
  }
  const auto wait = is_ending(request.target) ? std::max(request.wait, until_ended) : request.wait;
  if (wait.count() == 0) co_return none_free(request);
  co_return co_await wait_in_line(request, who, wait);
}

void Pool::stop_waiting(const void* who) {
  for (Opening* const opening : opening_) {
    if (opening->who() == who) opening->give_up();
  }
  for (auto& [target, line] : lines_) {
    Waiter* found = nullptr;
    line.for_each([&found, who](Waiter& waiter) {
      if (waiter.who == who) found = &waiter;
    });
    if (found != nullptr) expire(*found);
  }
}

LinkRequestPtr Pool::shared(LinkRequest request) {
  auto& known = requests_[{request.key, request.user, request.application_name}];
  LinkRequestPtr same = known.lock();
  const bool equal = same && same->max == request.max && same->wait == request.wait && same->idle == request.idle &&
                     same->lifetime == request.lifetime && same->weight == request.weight &&
                     same->spec.connect_timeout == request.spec.connect_timeout && same->spec.tls == request.spec.tls;
  if (equal) return same;
  request.share = book_.share_of(request.target, request.user, request.weight);
  same = std::make_shared<const LinkRequest>(std::move(request));
  known = same;
  return same;
}

Task<Result<LinkPtr>> Pool::wait_in_line(const LinkRequest& request, const void* who, std::chrono::milliseconds limit) {
  Waiter waiter(executor_, request, who);
  InLine in_line(*this, waiter);
  net::Alarm alarm(executor_, [this, &waiter] { expire(waiter); });
  alarm.set(Clock::now() + limit);
  while (!waiter.link && !waiter.permit && !waiter.expired)
    co_await waiter.over.wait();
  counters_.of(request.target).pool_waits.observe(since(waiter.since));
  if (!waiter.link && !waiter.permit) co_return closed_ ? shutting_down() : none_free(request);
  Link::Turn turn{request.share, waiter.charged_us, Clock::now()};
  Result<LinkPtr> link = std::exchange(waiter.link, nullptr);
  if (std::exchange(waiter.permit, false)) link = co_await open(request, who);
  if (link) {
    (*link)->in_pool.turn = std::move(turn);
  } else {
    turn.share->end_turn(turn.charged_us, Clock::now() - turn.begun);
  }
  co_return link;
}

Task<Result<LinkPtr>> Pool::open(const LinkRequest& request, const void* who) {
  Permit permit(book_, request.target);
  Opening opening(*this, request, who);
  Result<Connection> connected = Error();
  if (request.spec.choice) {
    connected = co_await connect_chosen(opening);
  } else {
    connected = co_await connect(executor_, request.spec, request.parameters);
    note_connect(counters_.of(request.target), opening.since(), connected.has_value());
  }
  if (!connected) co_return connected.error();
  greetings_.note(request.key, {connected->status, connected->host});
  ServerMemory memory;
  memory.stained = request.strays;
  memory.catalog_changes = book_.catalog_changes_of(request.target);
  memory.changes_seen = memory.catalog_changes->load();
  PoolGroup& group = group_of(request.key, request.target);
  group.idle = request.idle;
  group.lifetime = request.lifetime;
  co_return adopt({std::move(*connected), std::move(memory), request.key, request.target, std::move(permit)});
}

LinkPtr Pool::adopt(LinkCargo cargo) {
  const auto link = std::make_shared<Link>(std::move(cargo));
  PoolGroup& group = group_of(link->key, link->target);
  link->in_pool.group = &group;
  link->in_pool.list = &group.busy;
  link->in_pool.place = group.busy.insert(group.busy.end(), link);
  link->in_pool.on_gone = [this](Link& gone) { forget(gone); };
  link->start();
  return link;
}

std::optional<Greeting> Greetings::of(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = greetings_.find(key);
  if (found == greetings_.end()) return std::nullopt;
  return found->second;
}

// Clients choose startup parameters, and so keys.
void Greetings::note(const std::string& key, Greeting greeting) {
  const std::lock_guard lock(mutex_);
  if (greetings_.size() >= most) greetings_.clear();
  greetings_[key] = std::move(greeting);
}

void Pool::forget(Link& link) {
  if (link.in_pool.group == nullptr) return;
  const LinkPtr kept = *link.in_pool.place;
  link.in_pool.list->erase(link.in_pool.place);
  link.in_pool.group = nullptr;
}

// Whether somebody who waits has got it, or its place. Nobody holds it.
bool Pool::serve_waiting(const LinkPtr& link) {
  const std::string& target = link->target;
  if (book_.over(target)) {  // its place is gone
    move_to(*link, link->in_pool.group->busy);
    link->end();
    return true;
  }
  Waiter* const first = first_waiting(target);
  const bool others_first = others_come_first(target, first);
  if (first == nullptr && !others_first) return false;
  if (others_first && hand_over(link)) return true;
  if (first == nullptr || !suits(*link, first->request) || closed_) {
    move_to(*link, link->in_pool.group->busy);
    link->end();
    return true;
  }
  move_to(*link, link->in_pool.group->busy);
  first->link = link;
  serve(*first);
  return true;
}

// Gives it to whoever waits longest on another thread.
bool Pool::hand_over(const LinkPtr& link) {
  PermitBook::Party* const next = book_.call_next(link->target, &party_);
  if (next == nullptr) return false;
  forget(*link);
  next->handed(link->pack(next->executor));
  return true;
}

void Pool::on_handed(LinkCargo cargo) {
  Waiter* const first = first_waiting(cargo.target);
  const std::string target = cargo.target;
  PoolGroup& group = group_of(cargo.key, target);
  if (first != nullptr) {
    group.idle = first->request.idle;
    group.lifetime = first->request.lifetime;
  } else if (group.idle.count() == 0) {
    group.idle = std::chrono::minutes(1);
  }
  const LinkPtr link = adopt(std::move(cargo));
  if (first == nullptr) return give_back(link);
  if (!suits(*link, first->request)) {
    // Its place will do, once it is free.
    link->end();
    return book_.stand_in_line(target, &party_, lines_[target].rank());
  }
  first->link = link;
  serve(*first);
}

bool Pool::rest(Link& link) {
  PoolGroup* const group = link.in_pool.group;
  if (group == nullptr) return true;
  const LinkPtr kept = *link.in_pool.place;
  if (!link.connection.use.in_place() || link.in_pool.outlived) {
    give_up(link);
    return false;
  }
  if (link.in_pool.turn.share) end_turn(link);
  if (group->line->load(std::memory_order_relaxed) > 0) {
    LinkHolder* const holder = link.holder();
    link.detach();
    if (serve_waiting(kept)) {
      if (holder != nullptr) holder->on_link_taken();
      return false;
    }
    link.attach(*holder);
  }
  link.in_pool.idle_since = Clock::now();
  move_to(link, group->resting);
  return true;
}

bool Pool::go_on(Link& link) {
  work(link);
  if (link.connection.use.in_place()) return true;
  give_up(link);
  return false;
}

void Pool::work(Link& link) {
  if (link.in_pool.group != nullptr) move_to(link, link.in_pool.group->busy);
}

bool Pool::would_keep(const Link& link) const noexcept {
  const PoolGroup* const group = link.in_pool.group;
  return group != nullptr && group->idle.count() > 0 && !closed_ && link.usable() && !link.in_pool.outlived;
}

void Pool::give_back(const LinkPtr& link) {
  link->detach();
  if (link->in_pool.turn.share) end_turn(*link);
  PoolGroup* const group = link->in_pool.group;
  if (group == nullptr || !link->usable()) return;
  if (!link->connection.use.in_place() || link->in_pool.outlived) return link->end();
  if (group->line->load(std::memory_order_relaxed) > 0 && serve_waiting(link)) return;
  if (group->idle.count() == 0 || closed_) return link->end();
  if (!vacated_.empty() && is_vacated(*link)) return link->end();
  link->in_pool.idle_since = Clock::now();
  move_to(*link, group->free);
}

void Pool::on_granted(const std::string& target) {
  Waiter* const first = first_waiting(target);
  if (first == nullptr) return book_.give(target);  // nobody waits any more
  first->permit = true;
  serve(*first);
}

void Pool::on_wanted(const std::string& target) {
  if (first_waiting(target) != nullptr) return;
  const LinkPtr link = take_unused(target);
  if (link && !hand_over(link)) give_back(link);
}

void Pool::sweep() {
  const auto now = Clock::now();
  std::erase_if(vacated_, [now](const auto& one) { return one.second < now; });
  for (auto at = groups_.begin(); at != groups_.end();) {
    PoolGroup& group = at->second;
    leave_hosts(group);
    retire(group, now);
    for (std::list<LinkPtr>* const list : {&group.free, &group.resting}) {
      while (group.idle.count() > 0 && !list->empty() && now - list->front()->in_pool.idle_since > group.idle) {
        const LinkPtr link = list->front();
        move_to(*link, group.busy);
        take_from_holder(*link);
        link->end();
      }
    }
    if (book_.over(group.target)) {
      if (const LinkPtr link = take_unused(group.target)) link->end();
    }
    const bool empty = group.free.empty() && group.resting.empty() && group.busy.empty();
    at = empty ? groups_.erase(at) : std::next(at);
  }
  std::erase_if(requests_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(channels_, [](const auto& entry) { return entry.second.use_count() == 1; });
}

std::map<std::string, Pool::Tally, std::less<>> Pool::tally() const {
  std::map<std::string, Tally, std::less<>> by_target;
  for (const auto& [key, group] : groups_) {
    Tally& tally = by_target[group.target];
    tally.active += group.busy.size();
    tally.idle += group.resting.size() + group.free.size();
  }
  const auto now = Clock::now();
  for (const auto& [target, line] : lines_) {
    if (line.size() > 0) by_target[target].oldest_wait = now - line.oldest();
  }
  return by_target;
}

PoolView Pool::view() const {
  PoolView view;
  const auto add = [&view](const std::list<LinkPtr>& links, bool active) {
    for (const LinkPtr& link : links) {
      const Connection& connection = link->connection;
      view.links.push_back({link->target, connection.database, connection.user, connection.host.name,
                            connection.host.port, connection.pid, active, connection.stream.tls_version(),
                            connection.opened_us, link->memory.application_name.value_or("")});
    }
  };
  for (const auto& [key, group] : groups_) {
    add(group.busy, true);
    add(group.resting, false);
    add(group.free, false);
  }
  const auto ask = [&view](const LinkRequest& request, bool connecting, Clock::time_point since) {
    view.askers.push_back({request.target, request.spec.database, request.spec.user, connecting, since});
  };
  for (const auto& [target, line] : lines_) {
    line.for_each([&ask](const Waiter& waiter) { ask(waiter.request, false, waiter.since); });
  }
  for (const Opening* const opening : opening_)
    ask(opening->request(), true, opening->since());
  return view;
}

std::shared_ptr<Channels> Pool::channels(const LinkRequest& request) {
  LinkRequest own = listening_request(request);
  std::shared_ptr<Channels>& known = channels_[own.key];
  if (!known || known->lost()) known = std::make_shared<Channels>(*this, shared(std::move(own)));
  return known;
}

void Pool::close() {
  closed_ = true;
  for (Opening* const opening : opening_)
    opening->give_up();
  for (auto& [target, line] : lines_) {
    while (Waiter* const waiter = line.first())
      expire(*waiter);
  }
  for (auto& [key, group] : groups_) {
    while (const LinkPtr link = take_free(group))
      link->end();
  }
}

}  // namespace dbgate::upstream
