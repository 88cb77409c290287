#include "gateway/app/file_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <system_error>

#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds quiet_time{500};
// A directory in which something happens all the time does not put it off for ever.
constexpr std::chrono::seconds longest_wait{5};
// File systems that tell nothing, and what the kernel has no room to watch.
constexpr std::chrono::seconds poll_interval{30};
// The clock of file systems stands still for as long (a tick).
constexpr milliseconds clock_step{20};
constexpr int most_links = 40;  // as many as the kernel follows (path_resolution(7))
constexpr std::uint32_t mask = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_ATTRIB |
                               IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::chrono::nanoseconds nanoseconds_of(const timespec& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Way way_to(const std::string& path) {
  Way way;
  std::error_code failed;
  const fs::path whole(path);
  std::deque<fs::path> left(whole.begin(), whole.end());
  fs::path at = "/";
  for (int links = 0; !left.empty() && links <= most_links;) {
    const fs::path name = left.front();
    left.pop_front();
    if (name == "/") at = name;
    if (name == "..") at = at.parent_path();
    if (name.empty() || name == "/" || name == "." || name == "..") continue;
    const auto kind = fs::symlink_status(at / name, failed).type();
    const bool link = kind == fs::file_type::symlink;
    const bool missing = kind == fs::file_type::not_found;
    if (link || missing || left.empty()) way.places.insert(at.string());
    if (missing) break;
    if (!link) {
      at /= name;
      continue;
    }
    ++links;
    way.links.push_back((at / name).string());
    const fs::path target = fs::read_symlink(at / name, failed);
    left.insert(left.begin(), target.begin(), target.end());
  }
  return way;
}

FileWatch::FileWatch(boost::asio::io_context& context, std::function<void()> changed)
    : events_(context), quiet_(context), poll_(context), changed_(std::move(changed)) {
  const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor >= 0) {
    events_.assign(descriptor);
    wait_for_events();
  } else {
    log::warn("watch", "changes of files are seen late: the system tells nothing of them",
              {{"err", std::generic_category().message(errno)}});
  }
  wait_for_poll();
}

void FileWatch::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  events_.close(ignored);
  quiet_.cancel();
  poll_.cancel();
}

FileWatch::State FileWatch::state_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {true, info.st_dev, info.st_ino, info.st_size, nanoseconds_of(info.st_mtim), nanoseconds_of(info.st_ctim)};
}

// Also if it is another one, by a link that has been replaced (which rename(2) notes in the link).
bool FileWatch::changed_since(const std::string& path, std::chrono::nanoseconds since) {
  const std::vector<std::string> links = way_to(path).links;
  return state_of(path).changed >= since || std::any_of(links.begin(), links.end(), [since](const std::string& one) {
           struct stat info {};
           return ::lstat(one.c_str(), &info) == 0 && nanoseconds_of(info.st_ctim) >= since;
         });
}

void FileWatch::watch(std::vector<std::string> files, Time read_since) {
  if (stopped_) return;
  const std::chrono::nanoseconds since = (read_since - clock_step).time_since_epoch();
  std::map<std::string, State> next;
  bool missed = false;
  for (std::string& file : files) {
    const auto known = files_.find(file);
    const State state = known == files_.end() ? state_of(file) : known->second;
    if (known == files_.end()) missed = missed || changed_since(file, since);
    next.emplace(std::move(file), state);
  }
  files_ = std::move(next);
  place();
  // What happened before there was somebody to be told of it.
  if (missed) return changed_();
  look();
}

// All of them again each time: a name may stand for another directory by now, and one directory may have two names.
void FileWatch::place() {
  if (!events_.is_open()) return;
  std::set<std::string> wanted;
  for (const auto& [file, state] : files_)
    wanted.merge(way_to(file).places);
  std::set<int> numbers;
  std::set<std::string> failed;
  for (const std::string& place : wanted) {
    const int number = ::inotify_add_watch(events_.native_handle(), place.c_str(), mask);
    if (number >= 0) numbers.insert(number);
    if (number < 0 && errno != ENOENT) failed.insert(place);
    if (number < 0 && errno != ENOENT && !unwatched_.contains(place)) {
      log::warn("watch", "changes are seen late in a directory that cannot be watched",
                {{"path", place}, {"err", std::generic_category().message(errno)}});
    }
  }
  for (const int number : watched_) {
    if (!numbers.contains(number)) ::inotify_rm_watch(events_.native_handle(), number);
  }
  watched_ = std::move(numbers);
  unwatched_ = std::move(failed);
}

void FileWatch::wait_for_events() {
  events_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& stopped) {
                       if (stopped) return;
                       // Which of them it was is not looked at: the files are.
                       std::array<char, 16 * 1024> events{};
                       while (::read(events_.native_handle(), events.data(), events.size()) > 0) {
                       }
                       something_happened();
                       wait_for_events();
                     });
}

void FileWatch::wait_for_poll() {
  poll_.expires_after(poll_interval);
  poll_.async_wait([this](const boost::system::error_code& stopped) {
    if (stopped) return;
    look();
    if (!stopped_) wait_for_poll();
  });
}

void FileWatch::something_happened() {
  const auto now = std::chrono::steady_clock::now();
  if (latest_look_ == decltype(latest_look_){}) latest_look_ = now + longest_wait;
  quiet_.expires_at(std::min(now + quiet_time, latest_look_));
  quiet_.async_wait([this](const boost::system::error_code& stopped) {
    if (!stopped) look();
  });
}

void FileWatch::look() {
  if (stopped_) return;
  latest_look_ = {};
  place();
  bool different = false;
  for (auto& [file, state] : files_) {
    const State now = state_of(file);
    different = different || now != state;
    state = now;
  }
  if (different) changed_();
}

}  // namespace dbgate::app
