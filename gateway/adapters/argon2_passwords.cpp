#include "gateway/adapters/argon2_passwords.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "gateway/adapters/argon2_text.h"
#include "gateway/adapters/hash_process.h"
#include "gateway/base/log.h"
#include "gateway/base/thread.h"

namespace dbgate::adapters {
namespace {

constexpr std::size_t stack_bytes = 256u << 10;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;
constexpr std::chrono::seconds keep_memory{10};

/// The memory of the thread that hashes.
class Arena {
 public:
  ~Arena() { give_back(); }
  std::uint8_t* take(std::size_t bytes) {
    if (bytes == bytes_) return memory_;
    give_back();
    void* const mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    memory_ = static_cast<std::uint8_t*>(mapped);
    bytes_ = bytes;
    return memory_;
  }
  void give_back() {
    if (memory_ != nullptr) ::munmap(memory_, bytes_);
    memory_ = nullptr;
    bytes_ = 0;
  }

 private:
  std::uint8_t* memory_ = nullptr;
  std::size_t bytes_ = 0;
};
// The library's callbacks carry nothing that could say whose memory is meant.
thread_local Arena arena;

int allocate(std::uint8_t** memory, std::size_t bytes) {
  *memory = arena.take(bytes);
  return *memory == nullptr ? ARGON2_MEMORY_ALLOCATION_ERROR : ARGON2_OK;
}
// The library has wiped it.
void keep(std::uint8_t*, std::size_t) {}

std::uint8_t* raw(std::string& text) {
  return reinterpret_cast<std::uint8_t*>(text.data());
}

// Computes the hash for salt and parameters of `wanted`. False if there is no memory.
bool compute(Argon2Hash& wanted, std::string& password) {
  argon2_context context{};
  context.out = raw(wanted.hash);
  context.outlen = static_cast<std::uint32_t>(wanted.hash.size());
  context.pwd = raw(password);
  context.pwdlen = static_cast<std::uint32_t>(password.size());
  context.salt = raw(wanted.salt);
  context.saltlen = static_cast<std::uint32_t>(wanted.salt.size());
  context.t_cost = wanted.passes;
  context.m_cost = wanted.memory_kib;
  context.lanes = wanted.lanes;
  context.threads = 1;
  context.version = ARGON2_VERSION_13;
  context.allocate_cbk = allocate;
  context.free_cbk = keep;
  context.flags = ARGON2_FLAG_CLEAR_PASSWORD;
  return argon2_ctx(&context, Argon2_id) == ARGON2_OK;
}

/// One hash to be made, on the stack of whoever waits for it.
struct Job {
  Argon2Hash hash;
  std::string password;
  bool done = false;
  bool succeeded = false;
};

class Argon2Passwords final : public ports::PasswordHasher {
 public:
  explicit Argon2Passwords(const config::Passwords& settings);
  ~Argon2Passwords() override;

  Result<std::string> hash(std::string_view password) override;
  Result<bool> verify(std::string_view stored, std::string_view password) override;
  bool needs_rehash(std::string_view stored) const override;
  const std::string& decoy() const override { return decoy_; }
  std::size_t threads() const override { return threads_.size(); }

 private:
  Argon2Hash blank() const;
  Result<> run(Job& job);
  void serve(std::size_t number);
  bool make(std::size_t number, Job& job);

  const config::Passwords settings_;
  std::string decoy_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::deque<Job*> waiting_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<HashProcess>> processes_;  // of each thread; null: it hashes itself
  std::vector<std::unique_ptr<Thread>> threads_;
};

Argon2Passwords::Argon2Passwords(const config::Passwords& settings) : settings_(settings) {
  Argon2Hash never = blank();
  RAND_bytes(raw(never.hash), static_cast<int>(never.hash.size()));
  decoy_ = format_argon2(never);
  const std::size_t half = std::max(1u, std::thread::hardware_concurrency() / 2);
  const std::size_t count = settings.threads == 0 ? half : settings.threads;
  while (processes_.size() < count)
    processes_.push_back(HashProcess::start(compute, [] { arena.give_back(); }));
  while (threads_.size() < count)
    threads_.push_back(std::make_unique<Thread>(stack_bytes, [this, number = threads_.size()] { serve(number); }));
}

Argon2Passwords::~Argon2Passwords() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  work_.notify_all();
  threads_.clear();
}

Argon2Hash Argon2Passwords::blank() const {
  Argon2Hash hash;
  hash.memory_kib = static_cast<std::uint32_t>(settings_.memory_bytes >> 10);
  hash.passes = static_cast<std::uint32_t>(settings_.passes);
  hash.lanes = static_cast<std::uint32_t>(settings_.parallelism);
  hash.salt.resize(salt_bytes);
  hash.hash.resize(hash_bytes);
  if (RAND_bytes(raw(hash.salt), salt_bytes) != 1) std::abort();
  return hash;
}

bool Argon2Passwords::make(std::size_t number, Job& job) {
  std::unique_ptr<HashProcess>& process = processes_[number];
  if (process) {
    const auto made = process->compute(job.hash, job.password);
    if (made) return *made;
    log::warn("identity", "a process that hashes passwords has ended: its thread does so from here on");
    process.reset();
    run_when_idle();
  }
  return compute(job.hash, job.password);
}

void Argon2Passwords::serve(std::size_t number) {
  if (!processes_[number]) run_when_idle();
  std::unique_lock lock(mutex_);
  while (true) {
    const auto ready = [this] { return stopped_ || !waiting_.empty(); };
    if (!work_.wait_for(lock, keep_memory, ready)) {
      lock.unlock();
      arena.give_back();
      lock.lock();
      work_.wait(lock, ready);
    }
    if (waiting_.empty()) return;  // stopped, and nobody waits
    Job& job = *waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    const bool succeeded = make(number, job);
    lock.lock();
    job.succeeded = succeeded;
    job.done = true;
    done_.notify_all();
  }
}

Result<> Argon2Passwords::run(Job& job) {
  std::unique_lock lock(mutex_);
  if (waiting_.size() >= settings_.queue) {
    return Error(sqlstate::too_many_connections, "too many passwords are being checked", "try again in a few seconds");
  }
  waiting_.push_back(&job);
  work_.notify_one();
  done_.wait(lock, [&job] { return job.done; });
  OPENSSL_cleanse(job.password.data(), job.password.size());
  if (!job.succeeded) return Error(sqlstate::internal_error, "a password could not be hashed");
  return boost::system::in_place_value;
}

Result<std::string> Argon2Passwords::hash(std::string_view password) {
  Job job{blank(), std::string(password)};
  DBGATE_CHECK(run(job));
  return format_argon2(job.hash);
}

Result<bool> Argon2Passwords::verify(std::string_view stored, std::string_view password) {
  auto expected = parse_argon2(stored);
  if (!expected) return Error(sqlstate::internal_error, "a stored password is not an Argon2id hash");
  Job job{*expected, std::string(password)};
  DBGATE_CHECK(run(job));
  return CRYPTO_memcmp(job.hash.hash.data(), expected->hash.data(), expected->hash.size()) == 0;
}

bool Argon2Passwords::needs_rehash(std::string_view stored) const {
  const auto parsed = parse_argon2(stored);
  return !parsed || parsed->memory_kib != settings_.memory_bytes >> 10 || parsed->passes != settings_.passes ||
         parsed->lanes != settings_.parallelism || parsed->hash.size() != hash_bytes;
}

}  // namespace

Result<std::unique_ptr<ports::PasswordHasher>> make_argon2_passwords(const config::Passwords& settings) {
  auto passwords = std::make_unique<Argon2Passwords>(settings);
  if (!parse_argon2(passwords->decoy())) {
    return Error(sqlstate::invalid_parameter_value, "passwords: Argon2 does not know these parameters");
  }
  return std::unique_ptr<ports::PasswordHasher>(std::move(passwords));
}

}  // namespace dbgate::adapters
