#include "gateway/app/replicas.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

#include "gateway/base/ids.h"
#include "gateway/base/log.h"
#include "gateway/net/reactor.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;
using std::chrono::milliseconds;

constexpr std::size_t stack_bytes = 1u << 20;
// What changes here is told after this time at the latest.
constexpr milliseconds tick{100};
// What one says wakes the others, and what they say wakes this one: under load each has something new every time.
constexpr milliseconds least_apart{50};
// Who has nothing new to say says so.
constexpr milliseconds beat_each{1'000};
// Who has said nothing for so long is gone. By this gateway's own clock: wall clocks differ.
constexpr milliseconds dead_after{10'000};
// Questions that may have lain for longer are dropped: whoever asked has given up.
constexpr milliseconds stale_after{2'000};
constexpr std::size_t most_questions = 256;

}  // namespace

/// Somebody who waits for answers. On his own thread, but for the map that leads here.
struct Replicas::Waiting {
  Waiting(const net::Executor& executor, std::size_t asked) : timer(executor), missing(asked) {}
  boost::asio::steady_timer timer;
  std::size_t missing;
  bool said = false;  // one of them something
  std::vector<std::string> answers;
};

Replicas::Replicas(store::Replicas& store, net::Executor blocking)
    : store_(store), blocking_(std::move(blocking)), id_(make_id("rpl_")) {}

Replicas::~Replicas() {
  stop();
}

Result<> Replicas::replace(const std::string& last) {
  if (!last.starts_with("rpl_")) return boost::system::in_place_value;
  return store_.forget(last, 0);
}

Result<> Replicas::join() {
  DBGATE_CHECK(store_.say(id_, to_json(ReplicaUsage{}), true));
  DBGATE_TRY(const auto all, store_.list());
  looked_at_ = Clock::now();
  note(all);
  return boost::system::in_place_value;
}

void Replicas::start(Ties ties) {
  ties_ = std::move(ties);
  read_at_ = Clock::now();
  thread_ = std::make_unique<Thread>(stack_bytes, [this] { run(); });
}

void Replicas::stop() {
  if (stopping_.exchange(true)) return;
  thread_.reset();
  signal_.reset();
  // Failing that, the others notice by themselves.
  if (!lost_) static_cast<void>(store_.forget(id_, 0));
}

std::vector<std::string> Replicas::others() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, peer] : peers_)
    ids.push_back(id);
  return ids;
}

std::pair<std::size_t, std::size_t> Replicas::place() const {
  const std::lock_guard lock(mutex_);
  const auto before = std::distance(peers_.begin(), peers_.lower_bound(id_));
  return {static_cast<std::size_t>(before), peers_.size() + 1};
}

Task<std::vector<std::string>> Replicas::ask(std::vector<std::string> whom, ReplicaQuestion question,
                                             milliseconds limit, bool any) {
  std::vector<std::string> answers;
  if (whom.empty() || lost_) co_return answers;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto waiting = std::make_shared<Waiting>(executor, whom.size());
  waiting->timer.expires_after(limit);
  std::vector<store::ReplicaMessage> messages;
  const std::string body = to_json(ReplicaMail{id_, {}, to_json(question)});
  for (std::string& id : whom)
    messages.push_back({make_id("msg_"), std::move(id), body});
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + messages.size() > most_questions) co_return answers;
    for (const store::ReplicaMessage& message : messages)
      waiting_[message.id] = waiting;
  }
  bool sent = false;
  co_await net::run_on(blocking_, [&]() -> Task<> {
    sent = store_.send(messages).has_value();
    co_return;
  });
  while (sent && waiting->missing > 0 && !(any && waiting->said) && waiting->timer.expiry() > Clock::now()) {
    const std::size_t missing = waiting->missing;
    const auto [ended] = co_await waiting->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (ended && waiting->missing == missing) break;  // the coroutine itself was cancelled
  }
  {
    const std::lock_guard lock(mutex_);
    for (const store::ReplicaMessage& message : messages)
      waiting_.erase(message.id);
  }
  answers = std::move(waiting->answers);
  if (!sent || waiting->missing == 0) co_return answers;
  co_await net::run_on(blocking_, [&]() -> Task<> {
    static_cast<void>(store_.withdraw(messages));
    co_return;
  });
  co_return answers;
}

// @return whether to stop
bool Replicas::rest() {
  std::this_thread::sleep_for(tick);
  return stopping_;
}

void Replicas::run() {
  bool woken = true;
  while (!stopping_) {
    if (!signal_) {
      auto opened = store_.signal();
      if (opened) signal_ = std::move(*opened);
      woken = true;
    }
    lost_ = !signal_ || !turn(woken);
    if (lost_) {
      signal_.reset();
      if (rest()) return;
      continue;
    }
    const auto heard = signal_->wait(tick);
    if (!heard) signal_.reset();
    woken = heard && *heard;
  }
}

bool Replicas::turn(bool woken) {
  bool look_now = woken;
  if (!say(look_now)) return false;
  return !look_now || (look() && read());
}

bool Replicas::say(bool& look) {
  if (Clock::now() - said_at_ < (alone() ? beat_each : least_apart)) return true;
  std::string state = to_json(ties_.usage());
  const bool changed = state != said_;
  if (!changed && Clock::now() - said_at_ < beat_each) return true;
  if (!store_.say(id_, state, changed)) return false;
  said_ = std::move(state);
  said_at_ = Clock::now();
  look = true;
  return true;
}

bool Replicas::alone() const {
  const std::lock_guard lock(mutex_);
  return peers_.empty();
}

bool Replicas::look() {
  const auto all = store_.list();
  if (!all) return false;
  const auto gap = Clock::now() - std::exchange(looked_at_, Clock::now());
  note(*all);
  if (gap < dead_after / 2) forget_silent();
  tell();
  return true;
}

// While this gateway could not look, nobody else could be heard: their time begins anew.
void Replicas::note(const std::vector<store::Replica>& all) {
  const auto now = Clock::now();
  std::map<std::string, Peer> there;
  const std::lock_guard lock(mutex_);
  for (const store::Replica& replica : all) {
    if (replica.id == id_) continue;
    const auto known = peers_.find(replica.id);
    const bool silent = known != peers_.end() && known->second.beats == replica.beats;
    Peer peer = silent ? std::move(known->second) : Peer{replica.beats, now, usage_from_json(replica.state)};
    // Of one that is new it is not known when.
    if (!silent && known != peers_.end()) add_taken(taken_, peer.usage.taken, known->second.usage.taken);
    there.emplace(replica.id, std::move(peer));
    if (known == peers_.end()) log::info("replicas", "another gateway is there", {{"replica", replica.id}});
  }
  peers_ = std::move(there);
}

void Replicas::forget_silent() {
  std::vector<std::pair<std::string, std::int64_t>> silent;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, peer] : peers_)
      if (Clock::now() - peer.heard > dead_after) silent.emplace_back(id, peer.beats);
    for (const auto& [id, beats] : silent)
      peers_.erase(id);
  }
  for (const auto& [id, beats] : silent) {
    log::warn("replicas", "another gateway has not been heard of and counts no longer", {{"replica", id}});
    static_cast<void>(store_.forget(id, beats));
  }
}

void Replicas::tell() {
  ReplicaUsage elsewhere;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, peer] : peers_)
      add(elsewhere, peer.usage);
    elsewhere.taken = std::exchange(taken_, {});
  }
  ties_.heard(elsewhere);
  const auto [place, count] = this->place();
  ties_.divided(place, count);
}

bool Replicas::read() {
  const auto messages = store_.take(id_);
  if (!messages) return false;
  const bool stale = Clock::now() - std::exchange(read_at_, Clock::now()) > stale_after;
  for (const store::ReplicaMessage& message : *messages) {
    if (!stale) take_mail(message);
  }
  return true;
}

void Replicas::take_mail(const store::ReplicaMessage& message) {
  const auto mail = mail_from_json(message.body);
  if (!mail) return;
  if (!mail->answers.empty()) {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(mail->answers);
    if (found == waiting_.end()) return;
    const auto waiting = std::move(found->second);
    waiting_.erase(found);
    net::post_to(waiting->timer.get_executor(), [waiting, text = mail->text] {
      waiting->answers.push_back(text);
      waiting->said = waiting->said || !text.empty();
      --waiting->missing;
      waiting->timer.cancel();
    });
    return;
  }
  const auto question = question_from_json(mail->text);
  if (!question) return;
  net::run_apart(ties_.home, [this, question = *question, of = message.id, from = mail->from]() -> Task<> {
    const std::string text = co_await ties_.answer(question);
    co_await net::run_on(blocking_, [&]() -> Task<> {
      const store::ReplicaMessage answer{make_id("msg_"), from, to_json(ReplicaMail{id_, of, text})};
      static_cast<void>(store_.send({&answer, 1}));
      co_return;
    });
  });
}

}  // namespace dbgate::app
