#include "gateway/session/dormitory.h"

#include <new>

#include "gateway/base/log.h"

namespace dbgate::session {
namespace {

std::size_t hash_of(const Profile& profile) {
  const std::hash<std::string> hash;
  return hash(profile.info.user) ^ hash(profile.info.target) * 3 ^ hash(profile.info.client.host) * 5 ^
         hash(profile.info.application) * 7 ^ hash(profile.info.credential.id) * 11;
}

}  // namespace

ProfilePtr Profiles::shared(Profile profile) {
  const std::size_t hash = hash_of(profile);
  const auto [first, last] = known_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    if (ProfilePtr same = at->second.lock(); same && *same == profile) return same;
  }
  if (known_.size() >= sweep_at_) {
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = 2 * known_.size() + 64;
  }
  auto fresh = std::make_shared<const Profile>(std::move(profile));
  known_.emplace(hash, fresh);
  return fresh;
}

SessionStatus SleepingSession::status() const {
  SessionStatus status;
  status.id = rest.id.view();
  status.client_port = rest.client_port;
  status.statements = rest.statements;
  status.from_client = rest.from_client;
  status.to_client = rest.to_client;
  return status;
}

void SleepingSession::end(const Ending& why, bool /*gentle*/) {
  if (!farewell_) farewell_ = std::make_unique<const Ending>(why);
  client_.wake();
}

void Dormitory::Leave::operator()(SleepingSession* session) const noexcept {
  Dormitory& dormitory = session->dormitory_;
  session->~SleepingSession();
  dormitory.beds_.deallocate(session, sizeof(SleepingSession), alignof(SleepingSession));
}

void Dormitory::take_in(SessionRest rest, net::Stream client, Counted counted) {
  log::debug("session", "falls asleep", {{"session", rest.id.view()}});
  void* const bed = beds_.allocate(sizeof(SleepingSession), alignof(SleepingSession));
  Guest guest(::new (bed) SleepingSession(*this, std::move(rest), std::move(client), std::move(counted)));
  host_.list_sleeping(*guest);
  guest->client_.when_readable([guest = std::move(guest)]() mutable {
    Dormitory& dormitory = guest->dormitory_;
    log::debug("session", "wakes", {{"session", guest->rest.id.view()}});
    dormitory.wake_(std::move(guest));
  });
}

}  // namespace dbgate::session
