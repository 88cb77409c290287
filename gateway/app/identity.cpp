#include "gateway/app/identity.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "gateway/adapters/argon2_passwords.h"
#include "gateway/adapters/cjose_jose.h"
#include "gateway/adapters/curl_http.h"
#include "gateway/adapters/store/open_store.h"
#include "gateway/app/snapshot.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

constexpr std::size_t stack_bytes = 1u << 20;
constexpr std::size_t blocking_threads = 4;
constexpr std::size_t provider_threads = 2;
constexpr std::chrono::minutes sweep_each{10};
constexpr std::chrono::milliseconds reload_again_after{500};
constexpr std::int64_t use_step_us = 60'000'000;
constexpr std::size_t most_used = 10'000;
// Beside those that wait for a hash each: they read the store before, or write what came of it.
constexpr std::size_t spare_sign_in_threads = 2;

std::unique_ptr<Thread> thread_for(boost::asio::io_context& context) {
  return std::make_unique<Thread>(stack_bytes, [&context] {
    const auto work = boost::asio::make_work_guard(context);
    context.run();
  });
}

}  // namespace

std::optional<auth::ScramVerifier> Identity::file_verifier(std::string_view user) const {
  const auto snapshot = current_.get();
  const auto found = snapshot->users.find(user);
  if (found == snapshot->users.end() || found->second.stored_key.empty()) return {};
  return found->second;
}

bool Identity::known(std::string_view user) const {
  return current_.get()->users.contains(user);
}

Result<std::unique_ptr<Identity>> Identity::open(const config::Config& config, const CurrentSnapshot& current) {
  std::unique_ptr<Identity> made(new Identity(current));
  // First: it forks, and a store has threads.
  DBGATE_TRY(made->hasher_, adapters::make_argon2_passwords(config.passwords));
  DBGATE_TRY(made->store_, adapters::store::open_store(config));
  made->jose_ = adapters::make_cjose();
  made->http_ = adapters::make_curl_http();
  const auto exists = [it = made.get()](std::string_view user) { return it->known(user); };
  made->tokens_ = std::make_unique<identity::TokenService>(config.tokens, *made->store_, *made->jose_, exists);
  DBGATE_CHECK(made->tokens_->open(wall_clock_us()));
  const auto verifier = [it = made.get()](std::string_view user) { return it->file_verifier(user); };
  made->passwords_ = std::make_unique<identity::PasswordSignIn>(
      config.sign_in, *made->store_, *made->hasher_, identity::KnownUsers{verifier, exists}, config.passwords.queue);
  const auto in_file = [&current](std::string_view user) {
    const auto snapshot = current.get();
    return snapshot->users.contains(user) && !snapshot->stored.contains(user);
  };
  made->oidc_ = std::make_unique<identity::OidcSignIn>(config.oidc, *made->store_, *made->http_, *made->jose_, in_file);
  for (std::size_t i = 0; i < blocking_threads; ++i)
    made->threads_.push_back(thread_for(made->blocking_));
  for (std::size_t i = 0; i < made->hasher_->threads() + spare_sign_in_threads; ++i)
    made->threads_.push_back(thread_for(made->sign_ins_));
  for (std::size_t i = 0; i < provider_threads; ++i)
    made->threads_.push_back(thread_for(made->providers_));
  return made;
}

Identity::~Identity() {
  stop();
}

void Identity::stop() {
  watch_.reset();
  blocking_.stop();
  sign_ins_.stop();
  providers_.stop();
  threads_.clear();
}

Result<std::shared_ptr<const ports::store::Directory>> Identity::load() {
  const std::int64_t now = wall_clock_us();
  DBGATE_TRY(auto directory, store_->load_directory(tokens_->ended_since(now), now));
  tokens_->follow(directory);
  return std::make_shared<const ports::store::Directory>(std::move(directory));
}

Task<> Identity::caught_up(std::chrono::milliseconds patience) {
  Result<std::int64_t> generation = Error();
  co_await net::run_on(blocking(), [&]() -> Task<> {
    generation = store_->generation();
    co_return;
  });
  if (generation) co_await following_.wait(*generation, patience);
}

void Identity::follow(std::function<void(std::shared_ptr<const ports::store::Directory>)> changed) {
  changed_ = std::move(changed);
  sweep_later();
  watch_ = store_->watch([this](const ports::store::Event& event) { on_event(event); });
}

void Identity::note_used(const std::string& credential) {
  if (!credential.starts_with("dpw_")) return;  // keys and logins are noted where they are verified
  const std::int64_t now = wall_clock_us();
  {
    const std::lock_guard lock(using_);
    if (used_us_.size() >= most_used) used_us_.clear();
    std::int64_t& last = used_us_[credential];
    if (now - last < use_step_us) return;
    last = now;
  }
  boost::asio::post(blocking_, [this, credential, now] {
    const auto noted = store_->keys().note_used(credential, now);
    if (!noted) log::warn("identity", "cannot note that a database password is used");
  });
}

// What has expired lets nobody in any more; this is about the room that it takes.
void Identity::sweep_later() {
  sweeping_.expires_after(sweep_each);
  sweeping_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    const auto swept = store_->sweep(wall_clock_us());
    if (!swept) log::warn("identity", "what has expired cannot be deleted from the identity store now");
    sweep_later();
  });
}

void Identity::on_event(const ports::store::Event& event) {
  const bool lost = event.what == ports::store::Event::What::lost;
  if (lost_.exchange(lost, std::memory_order_relaxed) != lost) {
    if (lost) {
      log::error("identity", "the identity store cannot be reached; nobody can sign in by it until it is back");
    } else {
      log::info("identity", "the identity store is back");
    }
  }
  if (!lost) reload_soon();
}

void Identity::reload_soon() {
  if (!asked_.exchange(true)) boost::asio::post(blocking_, [this] { reload(); });
}

void Identity::reload() {
  const std::lock_guard lock(loading_);
  asked_ = false;  // first: what changes from here on is told again
  auto directory = load();
  if (!directory) {
    const Error why = directory.error();
    log::warn("identity", "the directory cannot be read; the old one stays in force", {{"err", why.message()}});
    // A store that is away for a moment is not told of as lost and back.
    reloading_.expires_after(reload_again_after);
    reloading_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) reload_soon();
    });
    return;
  }
  changed_(std::move(*directory));
}

}  // namespace dbgate::app
