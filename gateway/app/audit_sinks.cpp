#include "gateway/app/audit_sinks.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "gateway/adapters/curl_fetches.h"
#include "gateway/adapters/kafka_sink.h"
#include "gateway/adapters/line_file_sink.h"
#include "gateway/adapters/posix_file.h"
#include "gateway/adapters/syslog_sink.h"
#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/sinks/follower.h"
#include "gateway/sinks/http_sink.h"
#include "gateway/sinks/syslog_frame.h"

namespace dbgate::app {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t stack_bytes = 1u << 20;
constexpr int nice_of_sinks = 5;
constexpr milliseconds watch_each{250};
constexpr std::chrono::seconds farewell{5};

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return sinks::syslog_name(name, 255);
}

Result<std::unique_ptr<ports::AuditSink>> make_sink(const config::AuditSink& settings, ports::HttpFetches* http) {
  switch (settings.type) {
    case config::SinkType::syslog: {
      const sinks::SyslogOrigin origin{settings.facility, host_name(), settings.app_name};
      return adapters::make_syslog_sink(
          {settings.host, settings.port, settings.tls, settings.ca_file, settings.timeout},
          [origin](std::string& out, const ports::SinkRecord& record) { sinks::append_syslog(out, origin, record); });
    }
    case config::SinkType::http:
      return sinks::make_http_sink(settings, *http, host_name());
    case config::SinkType::kafka:
      return adapters::make_kafka_sink(
          {settings.brokers, settings.topic, settings.options, settings.user, settings.password, settings.ca_file});
    default:
      return adapters::make_line_file_sink(settings.path);
  }
}

Error named(const config::AuditSink& settings, const Error& why) {
  return {why.code(), "audit sink " + settings.name + ": " + why.message(), why.hint()};
}

sinks::PositionPlace place_of(const std::string& path) {
  return {[path] { return adapters::read_small_file(path); },
          [path](std::string_view text) { return adapters::replace_file(path, text); }};
}

/// Takes no decision while the gate is closed, so that no statement runs.
class GuardedChain final : public ports::AuditChain {
 public:
  GuardedChain(std::unique_ptr<ports::AuditChain> chain, const SinkGate& gate)
      : chain_(std::move(chain)), gate_(gate) {}

  Result<> append(std::string_view event, std::string_view fields) override {
    if (gate_.closed() && event == decision) return SinkGate::why();
    return chain_->append(event, fields);
  }
  audit::RecordStart start_of(std::string_view event, std::string_view fields) const override {
    return chain_->start_of(event, fields);
  }
  Result<> append_from(const audit::RecordStart& start, std::string_view fields) override {
    if (gate_.closed() && start.event() == decision) return SinkGate::why();
    return chain_->append_from(start, fields);
  }
  std::optional<audit::RecordName> last_record() const override { return chain_->last_record(); }
  Result<std::string> store_text(std::string_view text) override { return chain_->store_text(text); }
  Result<Ticket> commit() override { return chain_->commit(); }
  Result<> write_out() override { return chain_->write_out(); }
  bool is_durable(Ticket ticket) const override { return chain_->is_durable(ticket); }
  void when_durable(Ticket ticket, std::function<void()> done) override {
    chain_->when_durable(ticket, std::move(done));
  }
  bool sync_required() const override { return chain_->sync_required(); }

 private:
  static constexpr std::string_view decision = "statement.decided";
  std::unique_ptr<ports::AuditChain> chain_;
  const SinkGate& gate_;
};

}  // namespace

Error SinkGate::why() {
  return {sqlstate::io_error, "audit records do not reach where they have to go, so the statement was not run",
          "Try again later, or tell the operator of dbgate."};
}

/// One sink, and its thread.
class AuditSinks::Line {
 public:
  Line(const config::AuditSink& settings, const std::string& state_dir, std::unique_ptr<ports::AuditSink> sink,
       std::function<Result<>(const std::string& sink, const sinks::Gap&)> note_gap)
      : settings_(settings),
        sink_(std::move(sink)),
        follower_(
            settings, state_dir + "/audit", *sink_, place_of(state_dir + "/audit/sink-" + settings.name + ".position"),
            [name = settings.name, note_gap](const sinks::Gap& gap) { return note_gap(name, gap); }, counters_) {}

  Result<> open() { return follower_.open(); }
  void start(std::stop_token stop) {
    thread_ = std::make_unique<Thread>(stack_bytes, [this, stop] { run(stop); });
  }
  /// It ends when the log has nothing more, or when that does not work.
  void finish() {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    woken_.notify_all();
  }
  void join() { thread_.reset(); }
  bool ended() const noexcept { return ended_; }
  void reopen() noexcept { sink_->reopen(); }

  /// How far it is behind, and what follows from that.
  void look(const sinks::Backlog& log) {
    const sinks::Behind behind = log.behind(follower_.positions());
    counters_.waiting.set(behind.records);
    const std::int64_t oldest = follower_.oldest_us();
    const std::int64_t age_us = oldest == 0 ? 0 : wall_clock_us() - oldest;
    const std::int64_t most_us = std::chrono::microseconds(settings_.max_lag_time).count();
    const bool late = beyond(behind.bytes, settings_.max_lag_bytes) || (behind.bytes > 0 && beyond(age_us, most_us));
    if (settings_.on_lag == config::OnLag::gap) {
      if (late) skip(most_us == 0 ? 0 : wall_clock_us() - most_us / 2);
    } else if (late != refusing_) {
      refusing_ = late;
      log::write(late ? log::Level::error : log::Level::info, "audit",
                 late ? "statements are refused: a sink is too far behind" : "statements are not refused any more",
                 {{"sink", settings_.name}, {"waiting", std::to_string(behind.records)}});
    }
  }

  /// The same, while another process delivers.
  void look_from_outside(const sinks::Backlog& log) {
    if (settings_.on_lag != config::OnLag::refuse || settings_.max_lag_bytes == 0 || !follower_.open()) return;
    refusing_ = beyond(log.behind(follower_.positions()).bytes, settings_.max_lag_bytes);
  }

  State state() const { return {settings_.name, counters_.failing.value() != 0, refusing_}; }
  sinks::Positions kept() const { return follower_.kept(); }
  telemetry::SinkView view() const { return {settings_.name, &counters_}; }

 private:
  // Once statements are refused they stay so until a good part is done, not for every second one.
  template <class Number>
  bool beyond(Number is, Number most) const {
    return most > 0 && is > (refusing_ ? most / 4 * 3 : most);
  }
  void skip(std::int64_t since_us) {
    follower_.skip({settings_.max_lag_bytes / 2, since_us});
    const std::lock_guard lock(mutex_);
    skipping_ = true;
    woken_.notify_all();
  }

  void run(const std::stop_token& stop) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice_of_sinks);
    while (!stop.stop_requested()) {
      const milliseconds pause = follower_.step(stop);
      std::unique_lock lock(mutex_);
      if (finishing_ && (follower_.caught_up() || counters_.failing.value() != 0)) break;
      if (pause.count() > 0) woken_.wait_for(lock, stop, pause, [this] { return finishing_ || skipping_; });
      skipping_ = false;
    }
    static_cast<void>(follower_.keep(stop));
    ended_ = true;
  }

  const config::AuditSink settings_;
  telemetry::SinkCounters counters_;
  std::unique_ptr<ports::AuditSink> sink_;
  sinks::Follower follower_;
  std::atomic<bool> refusing_{false};
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  std::condition_variable_any woken_;
  bool finishing_ = false;  // under the mutex, like the next
  bool skipping_ = false;   // it need not wait any longer
  std::unique_ptr<Thread> thread_;
};

AuditSinks::AuditSinks(const config::Config& config, std::unique_ptr<ports::AuditChain> chain)
    : directory_(config.state_dir + "/audit"), chain_(std::move(chain)) {}

AuditSinks::~AuditSinks() {
  lines_stop_.request_stop();
  stop_.request_stop();
}

Result<std::unique_ptr<AuditSinks>> AuditSinks::open(const config::Config& config, ports::AuditLog& log) {
  DBGATE_TRY(auto chain, log.open_chain(sinks::gap_chain, ports::Pace::rare));
  std::unique_ptr<AuditSinks> made(new AuditSinks(config, std::move(chain)));
  const auto note_gap = [at = made.get()](const std::string& sink, const sinks::Gap& gap) -> Result<> {
    std::string fields;
    audit::append_field(fields, "reason", std::string_view(gap.reason));
    audit::append_field(fields, "sink", std::string_view(sink));
    audit::append_field(fields, "skipped.chain", std::string_view(gap.chain));
    audit::append_field(fields, "skipped.first", gap.first);
    audit::append_field(fields, "skipped.last", gap.last);
    audit::append_field(fields, "skipped.records", gap.records);
    const std::lock_guard lock(at->chain_mutex_);
    DBGATE_CHECK(at->chain_->append("audit.gap", fields));
    return at->chain_->write_out();
  };
  for (const config::AuditSink& settings : config.audit.sinks) {
    if (settings.type == config::SinkType::http && !made->http_) made->http_ = adapters::make_curl_fetches();
    auto sink = make_sink(settings, made->http_.get());
    if (!sink) return named(settings, sink.error());
    made->lines_.push_back(std::make_unique<Line>(settings, config.state_dir, std::move(*sink), note_gap));
    if (const auto opened = made->lines_.back()->open(); !opened) return named(settings, opened.error());
    const bool bounded = settings.max_lag_bytes > 0 || settings.max_lag_time.count() > 0;
    made->refuses_ = made->refuses_ || (bounded && settings.on_lag == config::OnLag::refuse);
  }
  return made;
}

Result<> AuditSinks::check(const config::Config& config) {
  for (const config::AuditSink& settings : config.audit.sinks) {
    if (settings.type != config::SinkType::kafka) continue;
    if (const auto made = make_sink(settings, nullptr); !made) return named(settings, made.error());
  }
  return boost::system::in_place_value;
}

void AuditSinks::start() {
  for (const auto& line : lines_) {
    // The process before may have gone on since; what it has delivered is not delivered again.
    if (const auto opened = line->open(); !opened)
      log::warn("audit", "the positions of a sink cannot be read", {{"err", opened.error().message()}});
    line->start(lines_stop_.get_token());
  }
  watcher_ = std::make_unique<Thread>(stack_bytes, [this] { watch(); });
}

void AuditSinks::end_lines() {
  for (const auto& line : lines_)
    line->finish();
  const auto until = std::chrono::steady_clock::now() + farewell;
  const auto ended = [this] { return std::ranges::all_of(lines_, [](const auto& line) { return line->ended(); }); };
  {
    std::unique_lock lock(mutex_);
    while (!ended() && std::chrono::steady_clock::now() < until)
      woken_.wait_for(lock, milliseconds(20), [] { return false; });
  }
  lines_stop_.request_stop();
  for (const auto& line : lines_)
    line->join();
}

void AuditSinks::leave() {
  end_lines();
  left_ = true;
}

void AuditSinks::finish() {
  if (watcher_ && !left_) end_lines();
  stop_.request_stop();
  watcher_.reset();
  lines_.clear();
  http_.reset();
  chain_.reset();
}

void AuditSinks::reopen() noexcept {
  for (const auto& line : lines_)
    line->reopen();
}

std::unique_ptr<ports::AuditChain> AuditSinks::guard(std::unique_ptr<ports::AuditChain> chain) {
  if (!refuses_) return chain;
  return std::make_unique<GuardedChain>(std::move(chain), gate_);
}

void AuditSinks::watch() {
  sinks::Backlog log(directory_);
  const std::stop_token stop = stop_.get_token();
  while (!stop.stop_requested()) {
    log.look();
    bool refusing = false;
    for (const auto& line : lines_) {
      left_ ? line->look_from_outside(log) : line->look(log);
      refusing = refusing || line->state().refusing;
    }
    gate_.close(refusing);
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, stop, watch_each, [] { return false; });
  }
}

std::vector<AuditSinks::State> AuditSinks::states() const {
  std::vector<State> states;
  for (const auto& line : lines_)
    states.push_back(line->state());
  return states;
}

std::vector<telemetry::SinkView> AuditSinks::counters() const {
  std::vector<telemetry::SinkView> views;
  for (const auto& line : lines_)
    views.push_back(line->view());
  return views;
}

sinks::Positions AuditSinks::delivered() const {
  std::vector<sinks::Positions> all;
  for (const auto& line : lines_)
    all.push_back(line->kept());
  return sinks::least_of(all);
}

}  // namespace dbgate::app
