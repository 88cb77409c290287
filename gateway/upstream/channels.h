#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/upstream/link.h"

namespace dbgate::upstream {

class Pool;
struct LinkRequest;

/// What somebody said with NOTIFY, as those who listen are told. Shared by all of them.
struct Notification {
  std::string channel;
  std::string message;  ///< the whole NotificationResponse
};
using NotificationPtr = std::shared_ptr<const Notification>;

/// Whoever listens.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  virtual void on_notification(const NotificationPtr& notification) = 0;
  /// The server connection that listened is gone: from here on notifications are missed. Nothing is subscribed any
  /// more.
  virtual void on_channels_lost() = 0;
};

/// For a connection that listens where `like` works: others than those of sessions.
LinkRequest listening_request(const LinkRequest& like);

/// The channels of one database that sessions of one thread listen to: one server connection for all of them, which is
/// there while somebody listens (docs/decisions/0018-listening-through-one-connection.md). It has one of the target's
/// permits, but never the last. Ends when that connection is lost: the pool makes another for who comes next.
class Channels final : public LinkHolder, public std::enable_shared_from_this<Channels> {
 public:
  /// `request` is for a connection of its own.
  Channels(Pool& pool, std::shared_ptr<const LinkRequest> request);

  /// Subscribes. When this returns the server listens: whatever is committed from then on reaches `who`. `who` may be
  /// told sooner. Errors: 53300, no server connection is to be had; what the server says; 57014, stop_waiting().
  Task<Result<>> listen(std::set<std::string, std::less<>> names, Subscriber& who);
  void unlisten(const std::string& name, Subscriber& who);
  /// When this returns `who` has been told all that was committed before it was called, unless the connection was lost.
  Task<> catch_up(Subscriber& who);
  /// Unsubscribes from everything; who waits in listen() waits no longer.
  void leave(const Subscriber& who);
  bool lost() const noexcept { return lost_; }

  Handled on_server_bytes() override;
  Task<bool> finish_server_bytes() override { co_return true; }
  void on_server_gone() override;
  void on_link_taken() override {}

 private:
  struct Channel {
    enum class State : std::uint8_t { asked, listening, failed };
    std::string name;
    State state = State::asked;
    Error why;                             // failed
    std::vector<Subscriber*> subscribers;  // null: left while it was being told
  };
  using ChannelPtr = std::shared_ptr<Channel>;
  struct Waiter;
  class Waiting;
  ChannelPtr subscribe(const std::string& name, Subscriber& who);
  void say(std::string_view command, const ChannelPtr& channel);
  void ask(std::string_view text, ChannelPtr answered);
  Task<> connect();
  Task<> write();
  void go_on();
  void drop_if_unused(const ChannelPtr& channel);
  void close();
  bool tell(protocol::Bytes body);
  bool on_answer();
  void lose(const Error& why);
  void wake(const Channel* channel);

  Pool& pool_;
  const std::shared_ptr<const LinkRequest> request_;
  LinkPtr link_;
  bool connecting_ = false;
  bool writing_ = false;
  bool lost_ = false;
  std::map<std::string, ChannelPtr, std::less<>> channels_;
  std::string to_send_;
  std::vector<ChannelPtr> asked_;  // whose state the answers tell, in the order of the commands; null: UNLISTEN
  std::optional<Error> failure_;   // of the command whose ReadyForQuery is due
  bool telling_ = false;
  bool left_while_told_ = false;
  std::vector<Waiter*> waiters_;
};

}  // namespace dbgate::upstream
