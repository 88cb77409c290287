#include "gateway/app/access_ends.h"

#include <algorithm>

#include "gateway/app/access_news.h"
#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

constexpr std::int64_t second_us = 1'000'000;
// Wall clocks may be set while a timer runs.
constexpr std::chrono::milliseconds longest_wait{60'000};
constexpr std::chrono::milliseconds try_again_after{5'000};

}  // namespace

AccessEnds::AccessEnds(net::Executor executor, Shared& shared, ports::AuditChain& chain)
    : executor_(executor), shared_(shared), chain_(chain), timer_(executor) {}

void AccessEnds::start() {
  net::run_apart(executor_, [this] { return note(); });
}

void AccessEnds::stop() {
  stopped_ = true;
  timer_.cancel();
}

// What is over already when this gateway hears of it has to be noted as well.
void AccessEnds::look() {
  const auto snapshot = shared_.current.get();
  std::int64_t next_us = INT64_MAX;
  const auto ends = [&](std::int64_t seconds) {
    if (seconds * second_us > noted_us_) next_us = std::min(next_us, seconds * second_us);
  };
  for (const config::AccessGrant& grant : snapshot->access)
    ends(grant.until);
  // An offer may have become shorter than what it gave.
  for (const auto& [user, targets] : snapshot->temporary)
    for (const auto& [target, rights] : targets)
      for (const policy::Temporary::Right& right : rights->rights)
        ends(right.until);
  if (next_us == INT64_MAX) {
    timer_.cancel();
    return;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(next_us - wall_clock_us()));
  wait_for(std::clamp(left, std::chrono::milliseconds(0), longest_wait));
}

void AccessEnds::wait_for(std::chrono::milliseconds time) {
  if (stopped_) return;
  timer_.expires_after(time);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || stopped_) return;
    for (Worker* const worker : shared_.workers)
      net::post_to(worker->context().get_executor(), [worker] { worker->end_revoked(); });
    net::run_apart(executor_, [this] { return note(); });
  });
}

Task<> AccessEnds::note() {
  if (std::exchange(noting_, true)) co_return;
  Result<std::vector<ports::store::AccessRequest>> ended = Error();
  const std::int64_t now_us = wall_clock_us();
  co_await net::run_on(shared_.identity->blocking(), [&]() -> Task<> {
    ended = shared_.identity->store().access().end_over(now_us);
    co_return;
  });
  noting_ = false;
  if (stopped_) co_return;
  if (!ended) {
    wait_for(try_again_after);
    co_return;
  }
  noted_us_ = now_us;
  for (const ports::store::AccessRequest& request : *ended) {
    std::string fields = fields_of_access(request);
    audit::append_field(fields, "access.reason", std::string_view(request.end_reason));
    static_cast<void>(chain_.append("access.ended", fields));
    if (shared_.events != nullptr) shared_.events->publish(event_of_access("access.ended", request));
    log::info("access", "access for a time is over",
              {{"user", request.user}, {"target", request.target}, {"access", request.id}});
  }
  if (!ended->empty() && !chain_.commit()) log::error("access", "the audit log cannot take the end of access");
  look();
}

}  // namespace dbgate::app
