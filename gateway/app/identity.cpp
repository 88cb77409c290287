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

std::unique_ptr<Thread> thread_for(boost::asio::io_context& context) {
  return std::make_unique<Thread>(stack_bytes, [&context] {
    const auto work = boost::asio::make_work_guard(context);
    context.run();
  });
}

std::optional<auth::ScramVerifier> file_verifier(const Snapshot& snapshot, std::string_view user) {
  const auto found = snapshot.users.find(user);
  if (found == snapshot.users.end() || found->second.stored_key.empty()) return {};
  return found->second;
}

}  // namespace

Result<std::unique_ptr<Identity>> Identity::open(const config::Config& config, const CurrentSnapshot& current) {
  std::unique_ptr<Identity> made(new Identity());
  DBGATE_TRY(made->store_, adapters::store::open_store(config));
  DBGATE_TRY(made->hasher_, adapters::make_argon2_passwords(config.passwords));
  made->jose_ = adapters::make_cjose();
  made->http_ = adapters::make_curl_http();
  const auto exists = [&current](std::string_view user) { return current.get()->users.contains(user); };
  made->tokens_ = std::make_unique<identity::TokenService>(config.tokens, *made->store_, *made->jose_, exists);
  DBGATE_CHECK(made->tokens_->open(wall_clock_us()));
  const auto verifier = [&current](std::string_view user) { return file_verifier(*current.get(), user); };
  made->passwords_ = std::make_unique<identity::PasswordSignIn>(config.sign_in, *made->store_, *made->hasher_,
                                                                identity::KnownUsers{verifier, exists});
  const auto in_file = [&current](std::string_view user) {
    const auto snapshot = current.get();
    return snapshot->users.contains(user) && !snapshot->stored.contains(user);
  };
  made->oidc_ = std::make_unique<identity::OidcSignIn>(config.oidc, *made->store_, *made->http_, *made->jose_, in_file);
  for (std::size_t i = 0; i < blocking_threads; ++i)
    made->threads_.push_back(thread_for(made->blocking_));
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
  providers_.stop();
  threads_.clear();
}

Result<std::shared_ptr<const ports::store::Directory>> Identity::load() {
  const std::int64_t now = wall_clock_us();
  DBGATE_TRY(auto directory, store_->load_directory(tokens_->ended_since(now), now));
  tokens_->follow(directory);
  return std::make_shared<const ports::store::Directory>(std::move(directory));
}

void Identity::follow(std::function<void(std::shared_ptr<const ports::store::Directory>)> changed) {
  changed_ = std::move(changed);
  watch_ = store_->watch([this](const ports::store::Event& event) { on_event(event); });
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
  if (!lost && !asked_.exchange(true)) boost::asio::post(blocking_, [this] { reload(); });
}

void Identity::reload() {
  const std::lock_guard lock(loading_);
  asked_ = false;  // first: what changes from here on is told again
  auto directory = load();
  if (!directory) {
    const Error why = directory.error();
    log::warn("identity", "the directory cannot be read; the old one stays in force", {{"err", why.message()}});
    return;
  }
  changed_(std::move(*directory));
}

}  // namespace dbgate::app
