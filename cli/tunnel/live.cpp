#include "cli/tunnel/live.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>
#include <iostream>

#include "gateway/base/clock.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds farewell_limit{200};

std::string rfc3339(std::int64_t seconds) {
  return format_time(seconds * 1'000'000).substr(0, 19) + "Z";
}

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

LiveTunnelRun::LiveTunnelRun(boost::asio::io_context& context, const Options& options, const GatewayUrl& url,
                             Tunnel& tunnel, const Local& local, LiveSettings settings)
    : context_(context),
      tunnel_(tunnel),
      local_(local),
      settings_(std::move(settings)),
      keeper_(context, options, url,
              {[this](std::int64_t expires) {
                 settings_.say("renewed", {{"expires_at", rfc3339(expires)}});
               },
               [this](const std::string& why) {
                 settings_.say("reconnecting", {{"reason", why}});
               },
               [this](const Problem& problem) {
                 const bool revoked = problem.cause.find("revoked") != std::string::npos;
                 end((revoked ? "" : "expired: ") + problem.cause, static_cast<int>(Exit::not_authenticated));
               }}),
      control_(context, {[this] { return status(); }, [this] { end("disconnected", 0); }}),
      children_(context, SIGCHLD),
      ends_(context, SIGINT, SIGTERM, SIGHUP),
      ttl_(context),
      farewell_(context),
      started_(static_cast<std::int64_t>(std::time(nullptr))) {
  tunnel_.start(keeper_);
}

std::string LiveTunnelRun::expires_at() const {
  if (settings_.ttl.count() > 0) return rfc3339(started_ + settings_.ttl.count());
  return keeper_.expires() > 0 ? rfc3339(keeper_.expires()) : "";
}

json::object LiveTunnelRun::status() const {
  const TunnelCounts& counts = tunnel_.counts();
  json::object object{{"name", settings_.name}, {"target", settings_.target}};
  object["address"] = local_.socket.empty() ? local_.host + ":" + std::to_string(local_.port) : local_.socket;
  object["port"] = local_.port;
  const std::string expires = expires_at();
  object["expires_at"] = expires.empty() ? json::value(nullptr) : json::value(expires);
  object["renews"] = keeper_.renewable() && settings_.ttl.count() == 0;
  object["started_at"] = rfc3339(started_);
  object["connections"] = counts.connections;
  object["open"] = counts.open;
  object["bytes_sent"] = counts.bytes_sent;
  object["bytes_received"] = counts.bytes_received;
  object["last_error"] = counts.last_error.empty() ? json::value(nullptr) : json::value(counts.last_error);
  object["background"] = settings_.background;
  object["pid"] = ::getpid();
  object["host"] = local_.host;
  object["user"] = local_.user;
  object["database"] = local_.database;
  if (!local_.passfile.empty()) object["passfile"] = local_.passfile;
  if (!local_.socket.empty()) object["socket"] = local_.socket;
  return object;
}

void LiveTunnelRun::end(const std::string& reason, int status) {
  if (over_) return;
  over_ = true;
  result_ = status;
  settings_.say("ended", {{"reason", reason}, {"resume", settings_.resume}});
  if (child_ > 0) ::kill(child_, SIGTERM);
  // Clients that wait for an answer are told before everything closes.
  farewell_.expires_after(farewell_limit);
  farewell_.async_wait([this](const boost::system::error_code&) { context_.stop(); });
}

// A child that has ended already leaves no signal behind, so look first and after every signal.
void LiveTunnelRun::reap() {
  int status = 0;
  if (child_ > 0 && ::waitpid(child_, &status, WNOHANG) == child_) {
    child_ = 0;
    result_ = status_of(status);
    over_ = true;
    context_.stop();
    return;
  }
  children_.async_wait([this](const boost::system::error_code& failed, int) {
    if (!failed) reap();
  });
}

void LiveTunnelRun::heed_signals() {
  ends_.async_wait([this](const boost::system::error_code& failed, int signal) {
    if (failed) return;
    if (child_ > 0) {
      // The terminal has told the child as well; what it makes of Ctrl-C is its own business.
      if (signal != SIGINT) ::kill(child_, signal);
      return heed_signals();
    }
    end(signal == SIGINT ? "interrupted" : "terminated", 128 + signal);
  });
}

int LiveTunnelRun::run(pid_t child) {
  child_ = child;
  if (child > 0) reap();
  heed_signals();
  if (settings_.ttl.count() > 0) {
    ttl_.expires_after(settings_.ttl);
    ttl_.async_wait([this](const boost::system::error_code& failed) {
      if (!failed) end("expired", 0);
    });
  }
  context_.run();
  if (child_ > 0) {
    int status = 0;
    if (::waitpid(child_, &status, 0) == child_) child_ = 0;
  }
  return result_;
}

}  // namespace dbgate::cli
