#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/models.h"
#include "gateway/models/breaker.h"
#include "gateway/models/budget.h"
#include "gateway/models/dialect.h"
#include "gateway/models/opinion_cache.h"
#include "gateway/ports/http_fetches.h"
#include "gateway/ports/risk_model.h"
#include "gateway/telemetry/event_counters.h"

namespace dbgate::models {

/// Time, for tests to make.
struct Clocks {
  std::function<std::chrono::steady_clock::time_point()> steady = [] { return std::chrono::steady_clock::now(); };
  std::function<std::int64_t()> wall_seconds = [] {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  };
};

/// Asks the configured providers, in their order, once or twice, within the deadline.
///
/// Equal questions that come while one is open wait for its answer; answers are kept for a day, failures for 30 s. A
/// provider that fails is left alone for a while, and none has more questions at once than it may have.
/// One lock, held for look-ups and bookkeeping only; never while somebody is called back.
class Advisor final : public ports::RiskModel {
 public:
  /// `fetches` calls back until it is destroyed, so it must go before this does. @param counted  outlives this
  Advisor(config::Models models, ports::HttpFetches& fetches, telemetry::EventCounters& counted, Clocks clocks = {});
  ~Advisor() override;

  std::optional<ports::RiskOpinion> known(const ports::RiskQuestion& question) override;
  void ask(ports::RiskQuestion question, std::function<void(ports::RiskOpinion)> done) override;
  /// Whether no question is on its way: it may be destroyed before its fetches are.
  bool idle();
  Spending spent_by(const std::string& principal);

 private:
  using Time = std::chrono::steady_clock::time_point;
  using Done = std::function<void(ports::RiskOpinion)>;
  struct Provider {
    config::ModelProvider settings;
    Breaker breaker;
    std::size_t open = 0;          // questions at the moment
    bool with_temperature = true;  // until it has said that it will not have one
  };
  struct Waiter {
    Done done;
    Time since;
  };
  /// One question on its way.
  struct Flight {
    ports::RiskQuestion question;
    std::string prompt_hash;
    Time since, deadline;
    Time attempted;            // when the current attempt is begun
    std::size_t provider = 0;  // of the current attempt
    std::size_t attempts = 0;
    bool with_temperature = false;
    Spending estimate;  // reserved for the current attempt
    ports::RiskOpinion opinion;
    std::vector<Waiter> waiters;
  };
  using FlightPtr = std::shared_ptr<Flight>;
  /// What to send for an attempt, chosen under the lock and started without it.
  struct Attempt {
    ports::HttpRequest request;
    ports::FetchLimits limits;
  };

  std::optional<ports::RiskOpinion> recall(const std::string& key, Time now);
  bool join(const ports::RiskQuestion& question, Time now, Time deadline, Done& done);
  std::optional<Attempt> choose(Flight& flight, std::size_t from, std::chrono::milliseconds delay, Time now);
  std::optional<Attempt> choose_again(Flight& flight, const Reply& reply, Time now);
  std::optional<Attempt> prepare(Flight& flight, std::size_t provider, std::chrono::milliseconds delay, Time now);
  void start(FlightPtr flight, Attempt attempt);
  void fetched(const FlightPtr& flight, const ports::HttpFetched& fetched);
  /// @return whether its provider is left alone from now on, and was not before
  bool account(Flight& flight, const Reply& reply, Time now);
  std::vector<Waiter> land(const FlightPtr& flight, Time now);
  void count(const Flight& flight, const Reply& reply, Time now);
  static void tell(const std::vector<Waiter>& waiters, const ports::RiskOpinion& opinion, Time now);

  const config::Models models_;
  ports::HttpFetches& fetches_;
  telemetry::EventCounters& counted_;
  const Clocks clocks_;
  std::mutex mutex_;
  std::vector<Provider> providers_;
  Budget budget_;
  OpinionCache cache_;
  std::map<std::string, FlightPtr, std::less<>> flights_;  // by key
};

}  // namespace dbgate::models
