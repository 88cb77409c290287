#include "gateway/adapters/hash_process.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "gateway/base/thread.h"

namespace dbgate::adapters {
namespace {

constexpr std::size_t most_bytes = 8u << 10;  // passwords have 1024 at most
constexpr int rest_after_ms = 10'000;
// Of the group that the session is: a third of the weight that others have. With less, logins all but stop on a machine
// whose cores are taken; with this much nobody waits for them measurably (docs/decisions/0022-identity.md).
constexpr std::string_view nice_of_group = "5";

// One message of a SOCK_SEQPACKET each way: this and the bytes that it counts; the answer is the hash, empty for none.
struct Header {
  std::uint32_t memory_kib;
  std::uint32_t passes;
  std::uint32_t lanes;
  std::uint32_t salt;
  std::uint32_t hash;
  std::uint32_t password;
};

std::string request_of(const Argon2Hash& wanted, const std::string& password) {
  const auto size = [](const std::string& text) { return static_cast<std::uint32_t>(text.size()); };
  const Header header{wanted.memory_kib, wanted.passes,     wanted.lanes,
                      size(wanted.salt), size(wanted.hash), size(password)};
  std::string request(reinterpret_cast<const char*>(&header), sizeof header);
  request.reserve(sizeof header + wanted.salt.size() + password.size());
  request += wanted.salt;
  request += password;
  return request;
}

bool read_request(std::string_view request, Argon2Hash& wanted, std::string& password) {
  Header header{};
  if (request.size() < sizeof header) return false;
  std::memcpy(&header, request.data(), sizeof header);
  request.remove_prefix(sizeof header);
  if (request.size() != std::size_t{header.salt} + header.password || header.hash > most_bytes) return false;
  wanted.memory_kib = header.memory_kib;
  wanted.passes = header.passes;
  wanted.lanes = header.lanes;
  wanted.salt = request.substr(0, header.salt);
  wanted.hash.resize(header.hash);
  password = request.substr(header.salt);
  return true;
}

ssize_t receive(int socket, char* into, std::size_t size) {
  while (true) {
    const ssize_t got = ::recv(socket, into, size, 0);
    if (got >= 0 || errno != EINTR) return got;
  }
}

bool send_all(int socket, std::string_view text) {
  while (true) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0 || errno != EINTR) return sent == static_cast<ssize_t>(text.size());
  }
}

// Ends with the other side of the socket.
void serve(int socket, HashProcess::Compute compute, HashProcess::Rest rest) {
  std::array<char, most_bytes> buffer{};
  while (true) {
    pollfd ready{socket, POLLIN, 0};
    if (::poll(&ready, 1, rest_after_ms) == 0) rest();
    const ssize_t got = receive(socket, buffer.data(), buffer.size());
    if (got <= 0) return;
    Argon2Hash wanted;
    std::string password;
    const bool made =
        read_request({buffer.data(), static_cast<std::size_t>(got)}, wanted, password) && compute(wanted, password);
    OPENSSL_cleanse(buffer.data(), static_cast<std::size_t>(got));
    OPENSSL_cleanse(password.data(), password.size());
    // An empty message would look like the end.
    if (!send_all(socket, made ? "+" + wanted.hash : std::string("-"))) return;
  }
}

// What belongs to the process that it was forked from is left alone: signals of a service manager are for that one, and
// its descriptors must not stay open here.
void settle(int socket, pid_t parent) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2})
    std::signal(signal, SIG_IGN);
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  ::prctl(PR_SET_NAME, "dbgate-hash");
  ::dup2(socket, STDIN_FILENO);
  const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nothing, STDOUT_FILENO);
  ::close_range(STDERR_FILENO + 1, ~0u, 0);
  const File group(::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));
  if (group.get() >= 0) static_cast<void>(write_all(group, nice_of_group));
  run_when_idle();
}

}  // namespace

std::unique_ptr<HashProcess> HashProcess::start(Compute compute, Rest rest) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return nullptr;
  File here(ends[0]);
  File there(ends[1]);
  // Until it has settled, a signal in the new process would run what the old one does for it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    settle(there.get(), parent);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    serve(STDIN_FILENO, compute, rest);
    ::_exit(0);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return nullptr;
  return std::unique_ptr<HashProcess>(new HashProcess(pid, std::move(here)));
}

HashProcess::~HashProcess() {
  socket_ = File();
  ::kill(pid_, SIGKILL);  // it may be in the middle of a hash
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<bool> HashProcess::compute(Argon2Hash& wanted, const std::string& password) {
  std::string request = request_of(wanted, password);
  if (request.size() > most_bytes || wanted.hash.size() >= most_bytes) return {};
  const bool sent = send_all(socket_.get(), request);
  OPENSSL_cleanse(request.data(), request.size());
  std::array<char, most_bytes> answer;
  const ssize_t got = sent ? receive(socket_.get(), answer.data(), answer.size()) : 0;
  if (got <= 0) return {};
  if (answer[0] != '+' || static_cast<std::size_t>(got) != wanted.hash.size() + 1) return false;
  wanted.hash.assign(answer.data() + 1, wanted.hash.size());
  return true;
}

}  // namespace dbgate::adapters
