#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <unordered_map>

#include "gateway/base/counted.h"
#include "gateway/base/ids.h"
#include "gateway/net/parked_stream.h"
#include "gateway/session/host.h"

// A session that has nothing to do and holds no server connection needs neither a coroutine nor what the coroutine
// keeps (docs/decisions/0017-idle-sessions-sleep.md).
namespace dbgate::session {

/// What many sessions have in common.
struct Profile {
  SessionInfo info;  ///< without id and client.port
  upstream::LinkRequestPtr link_request;
  Sharing sharing = Sharing::transaction;

  bool operator==(const Profile&) const = default;
};
using ProfilePtr = std::shared_ptr<const Profile>;

/// The profiles of one thread's sleeping sessions, each once.
class Profiles {
 public:
  /// An equal one that somebody holds, or this one.
  ProfilePtr shared(Profile profile);
  /// How many are remembered, held or not.
  std::size_t size() const noexcept { return known_.size(); }

 private:
  std::unordered_multimap<std::size_t, std::weak_ptr<const Profile>> known_;
  std::size_t sweep_at_ = 64;
};

/// All that is left of a session while it sleeps, and all it needs to go on.
struct SessionRest {
  ProfilePtr profile;
  Id id;
  std::uint16_t client_port = 0;
  std::int32_t pid = 0;  ///< that the client is shown
  std::string cancel_key;
  Seat seat;
  std::uint64_t from_client = 0;
  std::uint64_t to_client = 0;
  std::uint64_t statements = 0;      ///< that were decided on
  std::unique_ptr<RelayRest> relay;  ///< null: nothing that lasts was said
};

class Dormitory;

/// A session that waits for its client without a coroutine. Owns itself while it waits.
class SleepingSession final : public LiveSession {
 public:
  /// `client` is open, and nobody waits for it.
  SleepingSession(Dormitory& dormitory, SessionRest&& kept, net::Stream&& client, Counted counted)
      : rest(std::move(kept)), counted_(std::move(counted)), dormitory_(dormitory), client_(std::move(client)) {}

  const SessionInfo& info() const noexcept override { return rest.profile->info; }
  SessionStatus status() const override;
  void end(const Ending& why, bool gentle) override;

  net::Executor executor() const { return client_.executor(); }
  // Once it has been woken: what it consists of.
  SessionRest rest;
  net::Stream take_client() { return client_.unpark(); }
  Counted take_counted() { return std::move(counted_); }
  /// Why it has been ended; null: it has not.
  std::unique_ptr<const Ending> take_farewell() { return std::move(farewell_); }

 private:
  friend class Dormitory;
  Counted counted_;
  std::unique_ptr<const Ending> farewell_;
  Dormitory& dormitory_;
  net::ParkedStream client_;
};

/// The sleeping sessions of one thread.
class Dormitory {
 public:
  struct Leave {
    void operator()(SleepingSession* session) const noexcept;
  };
  using Guest = std::unique_ptr<SleepingSession, Leave>;
  using Wake = std::function<void(Guest)>;

  /// `wake` is called with a session that has work again, or was ended. Outlives all guests.
  Dormitory(Host& host, Wake wake) : host_(host), wake_(std::move(wake)) {}

  /// An equal one that somebody holds, or this one.
  ProfilePtr shared(Profile profile) { return profiles_.shared(std::move(profile)); }
  void take_in(SessionRest rest, net::Stream client, Counted counted);

 private:
  Host& host_;
  const Wake wake_;
  Profiles profiles_;
  // Side by side: wherever one lies between other things, it keeps a whole page from being given back.
  std::pmr::unsynchronized_pool_resource beds_;
};

}  // namespace dbgate::session
