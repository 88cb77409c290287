#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "gateway/session/judge.h"
#include "gateway/session/outgoing.h"
#include "gateway/session/tracked_settings.h"
#include "gateway/upstream/channels.h"

namespace dbgate::session {

/// Notifications of one session, from the server connection that listens for many until the client may be told
/// (docs/decisions/0018-listening-through-one-connection.md). A channel is held from before its LISTEN goes to the
/// server, so that nothing is missed; whether the session listens to it is for its transaction to say.
class Inbox {
 public:
  static constexpr std::size_t most_channels = 1'000;
  static constexpr std::size_t most_bytes = 4u << 20;  ///< of notifications that the client could not be told yet

  /// @param may_hear  whether the client may be told of a channel now: asked for each notification
  explicit Inbox(std::function<bool(const std::string& channel)> may_hear) : may_hear_(std::move(may_hear)) {}

  bool holds(std::string_view channel) const { return held_.contains(channel); }
  bool has_room() const noexcept { return held_.size() + wanted.size() <= most_channels; }
  /// `let_go` is called for each channel that is held no longer, these and others.
  void hold(ChannelNames channels, std::function<void(const std::string&)> let_go);
  /// What came on channels that are not held is dropped; those that may not be heard any more are let go. False: there
  /// is more than can be kept.
  bool take(const upstream::NotificationPtr& notification);
  bool empty() const noexcept { return waiting_.empty() && kept_.empty(); }
  bool holds_any() const noexcept { return !held_.empty(); }
  /// Says what is kept for good.
  void tell_kept(Outgoing& client);
  /// Says that, and what came on `channels`, to a client that is outside of transactions.
  void tell(Outgoing& client, const ChannelNames& channels);
  /// What came on `channels` so far is told even if the session listens to them no longer when it can be told.
  void keep_for_good(const ChannelNames& channels);
  bool keeps_some() const noexcept { return !kept_.empty(); }
  /// A transaction is open and nothing is under way: what came so far was committed before its LISTEN will be.
  void drop_all_but(const ChannelNames& channels);
  /// No transaction is open and nothing is under way.
  void let_go_all_but(const ChannelNames& channels);
  /// Nothing more is taken.
  void close();

  ChannelNames wanted;             ///< channels to be held before their LISTEN can go on
  std::optional<Refusal> refusal;  ///< it cannot be
  bool catches_up = false;         ///< what was committed so far has to come before UNLISTEN can go on …
  bool caught_up = false;          ///< … and has

 private:
  void clear();

  const std::function<bool(const std::string&)> may_hear_;
  std::function<void(const std::string&)> let_go_;
  ChannelNames held_;
  std::deque<upstream::NotificationPtr> waiting_, kept_;
  std::size_t bytes_ = 0;
};

}  // namespace dbgate::session
