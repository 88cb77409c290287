#pragma once
#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace dbgate::app {

/// Watches files by the directories that lead to them, so that one which is replaced, or reached by a symbolic link
/// that is (as kubelet does it with what it mounts), is seen as well as one that is written to. On the thread of its
/// context.
class FileWatch {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// @param changed  some of them are not what they were, and nothing has happened to them for a moment
  FileWatch(boost::asio::io_context& context, std::function<void()> changed);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  /// These from now on. @param read_since  whoever asks has read them then or later: a new one that has changed since
  /// counts as changed
  void watch(std::vector<std::string> files, Time read_since);
  /// No change is told of any more.
  void stop();

 private:
  /// What tells one state of a file from another (stat(2)).
  struct State {
    bool exists = false;
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::chrono::nanoseconds modified{0};
    std::chrono::nanoseconds changed{0};
    bool operator==(const State&) const = default;
  };

  static State state_of(const std::string& path);
  static bool changed_since(const std::string& path, std::chrono::nanoseconds since);
  void place();
  void wait_for_events();
  void wait_for_poll();
  void something_happened();
  void look();

  boost::asio::posix::stream_descriptor events_;
  boost::asio::steady_timer quiet_;
  boost::asio::steady_timer poll_;
  std::function<void()> changed_;
  std::map<std::string, State> files_;
  std::set<int> watched_;            ///< the kernel's numbers for directories
  std::set<std::string> unwatched_;  ///< directories that it does not watch, which has been said
  bool stopped_ = false;
  std::chrono::steady_clock::time_point latest_look_{};  ///< of what is waited for; epoch: nothing is
};

/// How one comes to a file.
struct Way {
  /// The directories in which something happens when it becomes another one: its own, and those of symbolic links.
  std::set<std::string> places;
  std::vector<std::string> links;  ///< symbolic links on the way
};

/// @param path  absolute
Way way_to(const std::string& path);

}  // namespace dbgate::app
