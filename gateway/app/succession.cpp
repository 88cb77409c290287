#include "gateway/app/succession.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "gateway/base/log.h"

extern char** environ;  // NOLINT: as environ(7) has it

namespace dbgate::app {
namespace {

using Protocol = boost::asio::generic::seq_packet_protocol;
using std::chrono::milliseconds;

constexpr auto awaiting = boost::asio::as_tuple(boost::asio::use_awaitable);
// Reading a catalog of many tables, or migrating a store, may take a while; nobody waits for it.
constexpr std::chrono::seconds start_limit{120};
constexpr milliseconds cancel_limit{2'000};
// Keys of protocol 3.2 have up to 256 bytes.
constexpr std::size_t most_bytes = 512;

// What is said, by first letter.
constexpr char ready = 'R', followers = 'F', reload = 'H', drain = 'T', cancel = 'C', cancelled = 'c', count = 'N';

std::string four_bytes(std::uint32_t number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

std::uint32_t number_in(std::string_view bytes) {
  std::uint32_t number = 0;
  if (bytes.size() >= sizeof number) std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

Error system_error(const std::string& what, int why) {
  return Error(sqlstate::internal_error, what + ": " + std::generic_category().message(why));
}

// Read at every start, so that a program file that is replaced later is found under the same name.
const std::string& program() {
  static const std::string path = [] {
    std::array<char, 4096> name{};
    const ssize_t length = ::readlink("/proc/self/exe", name.data(), name.size());
    return std::string(name.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  }();
  return path;
}

std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string one; std::getline(file, one, '\0');)
    arguments.push_back(one);
  return arguments;
}

}  // namespace

/// One end of a connection to a neighbour. Messages are few and small: what the kernel does not take at once is lost,
/// and said so.
class Succession::Link : public std::enable_shared_from_this<Link> {
 public:
  Link(const net::Executor& home, int descriptor) : socket_(home, Protocol(AF_UNIX, 0), descriptor) {}

  void start(std::function<void(std::string_view)> heard, std::function<void()> gone) {
    boost::asio::co_spawn(socket_.get_executor(), listen(shared_from_this(), std::move(heard), std::move(gone)),
                          boost::asio::detached);
  }

  void say(char what, std::string_view rest = {}) {
    const std::string message = what + std::string(rest);
    const auto sent = ::send(socket_.native_handle(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) log::warn("handover", "the other process cannot be told", {{"what", std::string(1, what)}});
  }

  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  int descriptor() { return socket_.native_handle(); }

 private:
  static Task<> listen(LinkPtr self, std::function<void(std::string_view)> heard, std::function<void()> gone) {
    std::array<char, most_bytes> buffer{};
    for (;;) {
      int flags = 0;
      const auto [failed, bytes] = co_await self->socket_.async_receive(boost::asio::buffer(buffer), flags, awaiting);
      if (failed == boost::asio::error::operation_aborted) co_return;
      if (failed || bytes == 0) break;
      heard(std::string_view(buffer.data(), bytes));
    }
    gone();
  }

  Protocol::socket socket_;
};

Succession::Succession(net::Executor home, Inheritance& inheritance, Ties ties)
    : home_(std::move(home)), ties_(std::move(ties)), patience_(home_) {
  program();
  if (!inheritance.handed_over()) return;
  generation_ = inheritance.free_generation();
  generations_ = inheritance.succession().generations;
  older_count_ = inheritance.succession().older;
  older_ = std::make_shared<Link>(home_, inheritance.take_link());
}

Succession::~Succession() {
  close();
}

void Succession::say_ready() {
  if (!older_) return;
  older_->start([this](std::string_view message) { hear_older(message); }, [this] { older_gone(); });
  older_->say(ready);
  tell_place();
}

void Succession::hear_older(std::string_view message) {
  switch (message.front()) {
    case followers:
      ties_.followers();
      break;
    case cancelled: {
      const auto found = asking_.find(number_in(message.substr(1)));
      if (found != asking_.end()) found->second->cancel();
      break;
    }
    case count:
      older_count_ = number_in(message.substr(1));
      tell_place();
      if (newer_) newer_->say(count, four_bytes(static_cast<std::uint32_t>(older_count_ + 1)));
      break;
    default:
      break;
  }
}

void Succession::older_gone() {
  log::info("handover", "the process before this one has ended");
  older_.reset();
  older_count_ = 0;
  generations_.clear();
  for (const auto& [number, timer] : asking_)
    timer->cancel();
  ties_.followers();
  tell_place();
  if (newer_) newer_->say(count, four_bytes(1));
}

void Succession::tell_place() {
  ties_.place(newer_count_, older_count_ + newer_count_ + 1);
}

Result<> Succession::start_next(int lock, const Inheritance::Sockets& sockets) {
  if (newer_) return Error(sqlstate::object_not_in_prerequisite_state, "another process has been started already");
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("cannot make a connection to it", errno);
  Inheritance::Succession said;
  said.link = ends[1];
  said.lock = lock;
  said.generations = generations_;
  said.generations.push_back(generation_);
  said.older = older_count_ + 1;
  std::vector<int> kept{ends[1], lock};
  for (const auto& [name, descriptor] : sockets)
    kept.push_back(descriptor);
  const auto child = spawn(Inheritance::environment(said, sockets), kept);
  ::close(ends[1]);
  if (!child) {
    ::close(ends[0]);
    return child.error();
  }
  child_ = *child;
  served_ = false;
  newer_ = std::make_shared<Link>(home_, ends[0]);
  newer_->start([this](std::string_view message) { hear_newer(message); }, [this] { newer_gone(); });
  patience_.expires_after(start_limit);
  patience_.async_wait([this](const boost::system::error_code& stopped) {
    if (!stopped && !served_ && child_ > 0) ::kill(child_, SIGKILL);
  });
  log::info("handover", "another process is starting", {{"pid", std::to_string(child_)}});
  return boost::system::in_place_value;
}

Result<int> Succession::spawn(const std::string& said, const std::vector<int>& kept) {
  std::vector<std::string> arguments = own_arguments();
  if (program().empty() || arguments.empty())
    return Error(sqlstate::internal_error, "the program file of this process is not known");
  std::vector<char*> argv;
  for (std::string& one : arguments)
    argv.push_back(one.data());
  argv.push_back(nullptr);
  std::vector<char*> environment;
  for (char** one = environ; *one != nullptr; ++one)
    environment.push_back(*one);
  std::string own = said;
  environment.push_back(own.data());
  environment.push_back(nullptr);

  // A descriptor that is put in its own place stays open in the new program (posix_spawn_file_actions_adddup2(3)).
  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int descriptor : kept)
    ::posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor);
  ::posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  ::pid_t child = 0;
  const int failed = ::posix_spawn(&child, program().c_str(), &actions, &attributes, argv.data(), environment.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return system_error("cannot run " + program(), failed);
  return child;
}

void Succession::hear_newer(std::string_view message) {
  switch (message.front()) {
    case ready:
      served_ = true;
      patience_.cancel();
      newer_count_ = std::max<std::size_t>(newer_count_, 1);
      tell_place();
      ties_.serves();
      break;
    case reload:
      ties_.reload();
      break;
    case drain:
      ties_.drain();
      break;
    case cancel:
      boost::asio::co_spawn(home_, answer_cancel(newer_, std::string(message)), boost::asio::detached);
      break;
    case count:
      newer_count_ = number_in(message.substr(1));
      tell_place();
      if (older_) older_->say(count, four_bytes(static_cast<std::uint32_t>(newer_count_ + 1)));
      break;
    default:
      break;
  }
}

// It has ended. If it never served, this one goes on as if nothing had been; otherwise this one has nobody to hand over
// to, and ends with its clients.
void Succession::newer_gone() {
  patience_.cancel();
  newer_.reset();
  const int child = std::exchange(child_, 0);
  if (served_) return;
  int status = 0;
  const bool reaped = ::waitpid(child, &status, 0) == child;
  std::string why = "it has ended";
  if (reaped && WIFEXITED(status)) why += " with status " + std::to_string(WEXITSTATUS(status));
  if (reaped && WIFSIGNALED(status)) why += " by signal " + std::to_string(WTERMSIG(status));
  ties_.stays(why);
}

void Succession::leave_followers() {
  if (newer_) newer_->say(followers);
}

void Succession::pass_on_reload() {
  if (older_) older_->say(reload);
}

void Succession::pass_on_drain() {
  if (older_) older_->say(drain);
}

// An answer goes out in any case, so that the client learns that it is over.
Task<> Succession::answer_cancel(LinkPtr newer, std::string message) {
  const std::string number = message.substr(1, sizeof(std::uint32_t));
  const std::string_view rest = std::string_view(message).substr(std::min(message.size(), 1 + sizeof(std::uint32_t)));
  if (rest.size() > sizeof(std::uint32_t)) {
    const auto pid = static_cast<std::int32_t>(number_in(rest));
    const std::string key(rest.substr(sizeof(std::uint32_t)));
    co_await ties_.cancel(pid, key);
    co_await ask_older(four_bytes(static_cast<std::uint32_t>(pid)) + key);
  }
  newer->say(cancelled, number);
}

Task<> Succession::ask_older(std::string pid_and_key) {
  if (!older_) co_return;
  const std::uint32_t number = ++asked_;
  const auto timer = std::make_shared<boost::asio::steady_timer>(home_, cancel_limit);
  asking_[number] = timer;
  older_->say(cancel, four_bytes(number) + pid_and_key);
  co_await timer->async_wait(awaiting);
  asking_.erase(number);
}

Task<> Succession::cancel_in_older(std::int32_t pid, std::string key) {
  std::string asked = four_bytes(static_cast<std::uint32_t>(pid)) + key;
  co_await net::run_on(home_, [this, &asked] { return ask_older(std::move(asked)); });
}

void Succession::close() {
  patience_.cancel();
  if (older_) older_->close();
  if (newer_) newer_->close();
  older_.reset();
  newer_.reset();
}

}  // namespace dbgate::app
