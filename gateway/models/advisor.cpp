#include "gateway/models/advisor.h"

#include <algorithm>

#include "gateway/base/log.h"
#include "gateway/models/answer.h"
#include "gateway/models/prompt.h"

namespace dbgate::models {
namespace {

using ports::ModelOutcome;
using std::chrono::milliseconds;

constexpr std::size_t most_attempts = 2;
constexpr milliseconds first_pause{200};    // before the same provider is asked again, where it does not say
constexpr milliseconds least_attempt{100};  // less time than that is not worth an attempt
constexpr std::chrono::seconds failures_kept{30};

Breaker::End end_of(ModelOutcome outcome) {
  switch (outcome) {
    case ModelOutcome::ok:
    case ModelOutcome::refused:  // it is well, it does not like the question
    case ModelOutcome::filtered:
      return Breaker::End::good;
    case ModelOutcome::unauthorized:
    case ModelOutcome::exhausted:
      return Breaker::End::hopeless;
    case ModelOutcome::unavailable:
      return Breaker::End::neither;
    default:
      return Breaker::End::bad;
  }
}

// Whether another attempt may come to something else.
bool is_worth_another(ModelOutcome outcome) {
  return outcome == ModelOutcome::limited || outcome == ModelOutcome::failing || outcome == ModelOutcome::unreachable ||
         outcome == ModelOutcome::timeout;
}

// What another provider may do, though this one never will.
bool is_worth_another_provider(ModelOutcome outcome) {
  return is_worth_another(outcome) || outcome == ModelOutcome::unauthorized || outcome == ModelOutcome::exhausted ||
         outcome == ModelOutcome::rejected || outcome == ModelOutcome::untrusted || outcome == ModelOutcome::invalid;
}

// An opinion is that of one model on one prompt.
std::string cache_key(const ports::RiskQuestion& question, const config::ModelProvider& provider) {
  return question.key + '\1' + provider.name + '\1' + provider.model + '\1' + std::to_string(prompt_version);
}

std::string failure_key(const ports::RiskQuestion& question) {
  return question.key + '\2';
}

std::string word(ModelOutcome outcome) {
  return std::string(ports::word_of(outcome));
}

// As telemetry counts requests: whether there was an answer, and whether it was one.
const char* result_of(ModelOutcome outcome) {
  switch (outcome) {
    case ModelOutcome::ok:
      return "ok";
    case ModelOutcome::timeout:
      return "timeout";
    case ModelOutcome::truncated:
    case ModelOutcome::refused:
    case ModelOutcome::filtered:
    case ModelOutcome::invalid:
      return "invalid";
    default:
      return "error";
  }
}

}  // namespace

Advisor::Advisor(config::Models models, ports::HttpFetches& fetches, telemetry::EventCounters& counted, Clocks clocks)
    : models_(std::move(models)),
      fetches_(fetches),
      counted_(counted),
      clocks_(std::move(clocks)),
      budget_(models_),
      cache_(models_.cache_bytes) {
  for (const config::ModelProvider& provider : models_.providers)
    providers_.push_back({provider, {}, 0, true});
}

Advisor::~Advisor() = default;

Spending Advisor::spent_by(const std::string& principal) {
  const std::lock_guard lock(mutex_);
  return budget_.spent_by(principal);
}

bool Advisor::idle() {
  const std::lock_guard lock(mutex_);
  return std::all_of(providers_.begin(), providers_.end(), [](const Provider& one) { return one.open == 0; });
}

// That nobody is to be asked is certain until the first breaker lets one through.
std::optional<ports::RiskOpinion> Advisor::known(const ports::RiskQuestion& question) {
  const Time now = clocks_.steady();
  const std::lock_guard lock(mutex_);
  if (!question.key.empty()) {
    if (auto known = recall(question.key, now)) return known;
  }
  Time until = Time::max();
  for (const Provider& provider : providers_)
    until = std::min(until, provider.breaker.closed_to_all_until());
  if (until <= now) return {};
  ports::RiskOpinion nobody;
  nobody.until = until;
  return nobody;
}

void Advisor::ask(ports::RiskQuestion question, Done done) {
  const Time now = clocks_.steady();
  const Time deadline = now + models_.deadline[static_cast<std::size_t>(question.caller)];
  const auto flight = std::make_shared<Flight>();
  std::optional<Attempt> attempt;
  {
    std::unique_lock lock(mutex_);
    if (!question.key.empty()) {
      if (auto known = recall(question.key, now)) {
        lock.unlock();
        return done(*std::move(known));
      }
      if (join(question, now, deadline, done)) return;
      counted_.risk_cache_misses.add();
    }
    flight->question = std::move(question);
    flight->prompt_hash = prompt_hash(flight->question.brief);
    flight->since = now;
    flight->deadline = deadline;
    flight->opinion.prompt_hash = flight->prompt_hash;
    flight->waiters.push_back({std::move(done), now});
    attempt = choose(*flight, 0, milliseconds(0), now);
    if (attempt && !flight->question.key.empty()) flights_.emplace(flight->question.key, flight);
  }
  if (!attempt) {
    counted_.count(telemetry::risk_fallbacks, {{"reason", word(flight->opinion.outcome)}});
    return tell(flight->waiters, flight->opinion, clocks_.steady());
  }
  start(flight, *std::move(attempt));
}

// The first provider that can be asked counts; what a later one has said does while it cannot.
std::optional<ports::RiskOpinion> Advisor::recall(const std::string& key, Time now) {
  ports::RiskQuestion question;
  question.key = key;
  std::optional<ports::RiskOpinion> known;
  for (const Provider& provider : providers_) {
    known = cache_.find(cache_key(question, provider.settings), now);
    if (known || provider.breaker.is_closed()) break;
  }
  if (!known) known = cache_.find(failure_key(question), now);
  if (!known) return {};
  counted_.risk_cache_hits.add();
  known->cached = true;
  known->input_tokens = known->output_tokens = 0;
  known->cost_nano = known->ms = 0;
  return known;
}

// Its answer is there before the deadline of whoever joins.
bool Advisor::join(const ports::RiskQuestion& question, Time now, Time deadline, Done& done) {
  const auto open = flights_.find(question.key);
  if (open == flights_.end() || open->second->deadline > deadline) return false;
  counted_.risk_cache_hits.add();
  open->second->waiters.push_back({std::move(done), now});
  return true;
}

std::optional<Advisor::Attempt> Advisor::prepare(Flight& flight, std::size_t index, milliseconds delay, Time now) {
  Provider& provider = providers_[index];
  const config::ModelProvider& settings = provider.settings;
  const milliseconds left = std::chrono::floor<milliseconds>(flight.deadline - now) - delay;
  if (left < least_attempt && flight.attempts > 0) return {};
  if (provider.open >= settings.concurrency) {
    flight.opinion.outcome = ModelOutcome::busy;
    return {};
  }
  const std::size_t input =
      estimated_tokens(system_prompt().size() + answer_schema().size() + flight.question.brief.size());
  const Spending estimate{input + settings.max_output_tokens,
                          cost_of(settings.price, input, settings.max_output_tokens)};
  if (!provider.breaker.permits(now)) return {};
  if (!budget_.reserve(flight.question.principal, estimate, clocks_.wall_seconds())) {
    provider.breaker.ended(Breaker::End::neither, now);
    flight.opinion.outcome = ModelOutcome::over_budget;
    return {};
  }
  flight.estimate = estimate;
  flight.provider = index;
  flight.attempted = now + delay;
  flight.with_temperature = provider.with_temperature && settings.temperature;
  ++flight.attempts;
  ++provider.open;
  Attempt attempt{make_request(settings, flight.question.brief, flight.with_temperature), {}};
  attempt.limits.delay = delay;
  attempt.limits.whole = std::min(settings.timeout, left);
  attempt.limits.bytes = most_reply_bytes;
  return attempt;
}

std::optional<Advisor::Attempt> Advisor::choose(Flight& flight, std::size_t from, milliseconds delay, Time now) {
  for (std::size_t i = from; i < providers_.size(); ++i) {
    if (auto attempt = prepare(flight, i, delay, now)) return attempt;
  }
  return {};
}

std::optional<Advisor::Attempt> Advisor::choose_again(Flight& flight, const Reply& reply, Time now) {
  if (flight.attempts >= most_attempts) return {};
  const ports::RiskOpinion so_far = flight.opinion;
  std::optional<Attempt> attempt;
  if (reply.dislikes_temperature) {
    attempt = prepare(flight, flight.provider, milliseconds(0), now);
  } else {
    if (is_worth_another_provider(reply.outcome)) attempt = choose(flight, flight.provider + 1, milliseconds(0), now);
    const milliseconds pause = reply.retry_after.count() > 0 ? reply.retry_after : first_pause;
    if (!attempt && is_worth_another(reply.outcome)) attempt = prepare(flight, flight.provider, pause, now);
  }
  if (!attempt) flight.opinion = so_far;  // what went wrong is what the one that was asked has said
  return attempt;
}

void Advisor::start(FlightPtr flight, Attempt attempt) {
  fetches_.start(std::move(attempt.request), attempt.limits,
                 [this, flight = std::move(flight)](ports::HttpFetched got) { fetched(flight, got); });
}

// Tokens and money of one attempt, and how its provider does.
bool Advisor::account(Flight& flight, const Reply& reply, Time now) {
  Provider& provider = providers_[flight.provider];
  --provider.open;
  if (reply.dislikes_temperature) provider.with_temperature = false;
  const bool was_closed = provider.breaker.is_closed();
  provider.breaker.ended(reply.dislikes_temperature ? Breaker::End::neither : end_of(flight.opinion.outcome), now);
  Spending spent{reply.input_tokens + reply.output_tokens,
                 cost_of(provider.settings.price, reply.input_tokens, reply.output_tokens)};
  // Whoever gives up waiting, or is not told, pays all the same.
  const bool unknown = !reply.counted && (reply.outcome == ModelOutcome::timeout || reply.outcome == ModelOutcome::ok);
  if (unknown) spent = flight.estimate;
  budget_.settle(flight.question.principal, flight.estimate, spent, clocks_.wall_seconds());
  flight.opinion.input_tokens += reply.input_tokens;
  flight.opinion.output_tokens += reply.output_tokens;
  flight.opinion.cost_nano += spent.cost_nano;
  return was_closed && !provider.breaker.is_closed();
}

void Advisor::fetched(const FlightPtr& flight, const ports::HttpFetched& got) {
  const config::ModelProvider& settings = models_.providers[flight->provider];
  Reply reply = read_reply(settings, got);
  ports::RiskOpinion& opinion = flight->opinion;
  opinion.outcome = reply.outcome;
  if (reply.outcome == ModelOutcome::ok) read_answer(reply.text, opinion);
  reply.outcome = opinion.outcome;
  reply.dislikes_temperature = reply.dislikes_temperature && flight->with_temperature;
  opinion.provider = settings.name;
  opinion.model = settings.model;
  opinion.status = got.response.status;
  std::optional<Attempt> attempt;
  std::vector<Waiter> waiters;
  const Time now = clocks_.steady();
  bool opened = false;
  {
    const std::lock_guard lock(mutex_);
    count(*flight, reply, now);
    opened = account(*flight, reply, now);
    if (got.fault != ports::HttpFetched::Fault::stopped) attempt = choose_again(*flight, reply, now);
    if (!attempt) waiters = land(flight, now);
  }
  if (opened) {
    log::warn("models", "a provider is left alone for a while",
              {{"provider", settings.name}, {"reason", ports::word_of(reply.outcome)}});
  }
  if (attempt) return start(flight, *std::move(attempt));
  if (opinion.outcome != ModelOutcome::ok)
    counted_.count(telemetry::risk_fallbacks, {{"reason", word(opinion.outcome)}});
  tell(waiters, opinion, now);
}

void Advisor::count(const Flight& flight, const Reply& reply, Time now) {
  const std::string& provider = providers_[flight.provider].settings.name;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - flight.attempted);
  counted_.count(telemetry::risk_requests, {{"provider", provider}, {"result", result_of(reply.outcome)}});
  counted_.observe(telemetry::risk_durations, {{"provider", provider}}, took);
  counted_.count(telemetry::risk_tokens, {{"provider", provider}, {"direction", "input"}}, reply.input_tokens);
  counted_.count(telemetry::risk_tokens, {{"provider", provider}, {"direction", "output"}}, reply.output_tokens);
}

// Nobody joins it any more.
std::vector<Advisor::Waiter> Advisor::land(const FlightPtr& flight, Time now) {
  const std::string& key = flight->question.key;
  ports::RiskOpinion& opinion = flight->opinion;
  if (!key.empty()) {
    if (const auto own = flights_.find(key); own != flights_.end() && own->second == flight) flights_.erase(own);
    if (opinion.outcome == ModelOutcome::ok) {
      opinion.until = now + models_.cache_ttl;
      cache_.keep(cache_key(flight->question, models_.providers[flight->provider]), opinion, opinion.until);
    } else if (opinion.outcome != ModelOutcome::unavailable) {
      opinion.until = now + std::min<std::chrono::steady_clock::duration>(failures_kept, models_.cache_ttl);
      cache_.keep(failure_key(flight->question), opinion, opinion.until);
    }
  }
  return std::move(flight->waiters);
}

void Advisor::tell(const std::vector<Waiter>& waiters, const ports::RiskOpinion& opinion, Time now) {
  bool first = true;
  for (const Waiter& waiter : waiters) {
    ports::RiskOpinion told = opinion;
    told.ms = std::chrono::duration_cast<milliseconds>(now - waiter.since).count();
    if (!first) {  // the first has paid for it
      told.cached = true;
      told.input_tokens = told.output_tokens = 0;
      told.cost_nano = 0;
    }
    first = false;
    waiter.done(std::move(told));
  }
}

}  // namespace dbgate::models
