#include "cli/tunnel/token_keeper.h"

#include <signal.h>

#include <boost/asio/post.hpp>
#include <ctime>

#include "cli/api_client.h"

namespace dbgate::cli {
namespace {

constexpr std::int64_t margin_seconds = 60;
constexpr std::chrono::seconds renewal_limit{5};  // that an end waits for a renewal

std::int64_t now() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

}  // namespace

/// What a request on the other thread came to.
struct TokenKeeper::Outcome {
  std::string token;
  std::int64_t expires = 0;
  Problem problem;
  bool failed = false;
};

TokenKeeper::TokenKeeper(boost::asio::io_context& context, const Options& options, const GatewayUrl& url, Events events)
    : context_(context),
      options_(options),
      url_(url),
      events_(std::move(events)),
      timer_(context),
      changed_(context.get_executor()) {
  token_ = token_for(options, url, std::chrono::seconds(margin_seconds));
  if (!fixed_token().empty()) return;
  const auto login = find_login(options, url);
  if (!login) return;
  expires_ = login->access_expires;
  renewable_ = !login->refresh_token.empty();
  schedule();
}

// A refresh token is good once: what came instead of it has to be kept, or the next command ends the sign-in.
TokenKeeper::~TokenKeeper() {
  *alive_ = false;
  const auto latest = std::chrono::steady_clock::now() + renewal_limit;
  while (renewing_ && std::chrono::steady_clock::now() < latest)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

bool TokenKeeper::good() const {
  return expires_ == 0 || expires_ > now();
}

Task<std::string> TokenKeeper::current() {
  // A machine that slept wakes with an old token and no timer that rang.
  while (!good() && !over_ && failures_ == 0) {
    if (!busy_) begin(false);
    co_await changed_.wait();
  }
  co_return token_;
}

Task<std::string> TokenKeeper::instead_of(std::string refused) {
  doubt();
  while (busy_ && token_ == refused)
    co_await changed_.wait();
  co_return token_ == refused ? std::string() : token_;
}

void TokenKeeper::doubt() {
  if (!busy_ && !over_) begin(true);
}

void TokenKeeper::schedule() {
  if (expires_ == 0) return;
  const std::int64_t ahead = renewable_ ? margin_seconds : 0;
  timer_.expires_after(std::chrono::seconds(std::max<std::int64_t>(1, expires_ - now() - ahead)));
  timer_.async_wait([this](const boost::system::error_code& failed) {
    if (!failed && !busy_ && !over_) begin(false);
  });
}

// On its own thread. Touches nothing that changes meanwhile.
TokenKeeper::Outcome TokenKeeper::ask(bool look_first, const std::string& token, std::stop_token stop) {
  Options options = options_;
  options.stop = std::move(stop);
  Outcome outcome;
  try {
    std::string refused;
    if (look_first && Api(options, url_).probe(token).status == 401) refused = token;
    if (look_first && refused.empty()) {
      outcome.token = token;
    } else {
      renewing_ = true;
      outcome.token = token_for(options, url_, std::chrono::seconds(margin_seconds + 5), refused);
    }
    if (fixed_token().empty()) {
      const auto login = find_login(options, url_);
      if (login) outcome.expires = login->access_expires;
    }
  } catch (const Problem& problem) {
    outcome.problem = problem;
    outcome.failed = true;
  } catch (const std::exception& error) {
    outcome.problem = {Exit::failure, error.what()};
    outcome.failed = true;
  }
  renewing_ = false;
  return outcome;
}

// @param look_first  asks whether the token is still accepted before it is given up
void TokenKeeper::begin(bool look_first) {
  busy_ = true;
  sigset_t all{}, before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the tunnel's thread
  asking_ = std::jthread([this, look_first, token = token_, alive = alive_](std::stop_token stop) {
    boost::asio::post(context_, [this, outcome = ask(look_first, token, std::move(stop)), alive] {
      if (*alive) take(outcome);
    });
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void TokenKeeper::take(const Outcome& outcome) {
  busy_ = false;
  if (!outcome.failed) {
    failures_ = 0;
    const bool changed = outcome.token != token_;
    token_ = outcome.token;
    if (outcome.expires != 0) expires_ = outcome.expires;
    if (changed && events_.renewed) events_.renewed(expires_);
    if (changed || good()) schedule();
  } else if (outcome.problem.exit == Exit::not_authenticated || outcome.problem.exit == Exit::usage) {
    over_ = true;
    if (events_.ended) events_.ended(outcome.problem);
  } else {
    // The gateway is away: open connections may live on, and the next attempt may succeed.
    if (events_.reconnecting && failures_ == 0) events_.reconnecting(outcome.problem.cause);
    timer_.expires_after(std::chrono::seconds(1 << std::min(failures_++, 5)));
    timer_.async_wait([this](const boost::system::error_code& failed) {
      if (!failed && !busy_ && !over_) begin(false);
    });
  }
  changed_.notify();
}

}  // namespace dbgate::cli
