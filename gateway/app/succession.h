#pragma once
#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/app/inheritance.h"
#include "gateway/base/task.h"
#include "gateway/net/stream.h"

namespace dbgate::app {

/// The processes before and after this one, while clients are still with the one before (decision 41). They are of one
/// machine and one user, and each talks to its neighbours only. On the thread of `home`.
class Succession {
 public:
  /// How the process is told. Called on the thread of `home`.
  struct Ties {
    std::function<void()> serves;                         ///< the next one takes connections now
    std::function<void(const std::string& why)> stays;    ///< there will be no next one
    std::function<void()> followers;                      ///< who follows the audit log is here from now on
    std::function<void(std::size_t, std::size_t)> place;  ///< which of how many processes this one is, from 0
    std::function<Task<>(std::int32_t pid, std::string key)> cancel;  ///< of a session here
    std::function<void()> reload;                                     ///< the next one has been told to
    std::function<void()> drain;                                      ///< the same
  };

  Succession(net::Executor home, Inheritance& inheritance, Ties ties);
  ~Succession();
  Succession(const Succession&) = delete;
  Succession& operator=(const Succession&) = delete;

  /// Whether the process before this one is there.
  bool has_older() const noexcept { return older_ != nullptr; }
  unsigned generation() const noexcept { return generation_; }
  int next_pid() const noexcept { return child_; }

  /// Says to the process before that this one serves.
  void say_ready();
  /// Starts the program of this process again, as its file is now, and leaves these to it. Then `serves` or `stays` is
  /// called. Errors: why it cannot be started.
  Result<> start_next(int lock, const Inheritance::Sockets& sockets);
  /// To the next one, when this one follows the audit log no more.
  void leave_followers();
  /// To the process before: what this one was told.
  void pass_on_reload();
  void pass_on_drain();
  /// Asks the process before to cancel what a session of its clients runs; returns when that has acted on it, or after
  /// two seconds. Any thread.
  Task<> cancel_in_older(std::int32_t pid, std::string key);
  /// Closes the links: the neighbours see that this process is gone.
  void close();

 private:
  class Link;
  using LinkPtr = std::shared_ptr<Link>;

  void hear_older(std::string_view message);
  void hear_newer(std::string_view message);
  void older_gone();
  void newer_gone();
  void tell_place();
  Task<> answer_cancel(LinkPtr newer, std::string message);
  Task<> ask_older(std::string pid_and_key);
  static Result<int> spawn(const std::string& said, const std::vector<int>& kept);

  net::Executor home_;
  Ties ties_;
  unsigned generation_ = 0;
  std::vector<unsigned> generations_;  ///< of older ones, as far as is known
  std::size_t older_count_ = 0;
  std::size_t newer_count_ = 0;
  LinkPtr older_;
  LinkPtr newer_;
  int child_ = 0;
  bool served_ = false;  ///< the next one has said that it serves
  std::uint32_t asked_ = 0;
  std::map<std::uint32_t, std::shared_ptr<boost::asio::steady_timer>> asking_;  ///< cancels under way
  boost::asio::steady_timer patience_;
};

}  // namespace dbgate::app
