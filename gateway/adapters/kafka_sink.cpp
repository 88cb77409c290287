#include "gateway/adapters/kafka_sink.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <deque>

namespace dbgate::adapters {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int turn_ms = 100;  // between looks at whether it is to stop
constexpr int farewell_ms = 2'000;
constexpr std::size_t reason_bytes = 256;

struct Free {
  void operator()(rd_kafka_t* producer) const { rd_kafka_destroy(producer); }
  void operator()(rd_kafka_conf_t* settings) const { rd_kafka_conf_destroy(settings); }
};

bool will_never_fit(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
         error == RD_KAFKA_RESP_ERR_INVALID_MSG || error == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

class KafkaSink final : public ports::AuditSink {
 public:
  explicit KafkaSink(const KafkaTopic& topic) : topic_(topic) {}
  ~KafkaSink() override {
    if (producer_) give_up(farewell_ms);
  }

  Result<> open() {
    std::unique_ptr<rd_kafka_conf_t, Free> settings(rd_kafka_conf_new());
    DBGATE_CHECK(configure(*settings));
    char reason[reason_bytes] = {};
    producer_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, settings.get(), reason, sizeof reason));
    if (!producer_) return Error(sqlstate::invalid_parameter_value, reason);
    static_cast<void>(settings.release());  // the producer's now
    return boost::system::in_place_value;
  }

  // What could not be delivered in time stays on its way: librdkafka tries on, in order, and the next call waits for
  // it.
  ports::Delivery send(std::span<const ports::SinkRecord> records, const std::stop_token& stop) override {
    ports::Delivery delivery;
    if (!follows(records)) start_anew();
    if (!producer_) {
      if (const auto opened = open(); !opened) {
        const Error why = opened.error();
        delivery.why = why.message();
        return delivery;
      }
    }
    const auto until = Clock::now() + topic_.patience;
    rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::size_t produced = under_way_.size();
    for (; produced < records.size() && refused == RD_KAFKA_RESP_ERR_NO_ERROR; ++produced)
      refused = produce(records[produced]);
    while (!done() && Clock::now() < until && !stop.stop_requested())
      rd_kafka_poll(producer_.get(), turn_ms);
    for (; !under_way_.empty() && under_way_.front()->state == State::delivered; ++delivery.delivered)
      under_way_.pop_front();
    rd_kafka_resp_err_t error = under_way_.empty() ? refused : under_way_.front()->error;
    if (under_way_.empty() && error == RD_KAFKA_RESP_ERR_NO_ERROR) return delivery;
    const bool waits = !under_way_.empty() && under_way_.front()->state == State::waiting;
    if (waits) {
      delivery.why = trouble_.empty() ? "the brokers do not answer in time" : trouble_;
    } else {
      delivery.why = rd_kafka_err2name(error);
      delivery.rejected = will_never_fit(error);
      start_anew();
    }
    return delivery;
  }

 private:
  enum class State : unsigned char { waiting, delivered, failed };
  struct UnderWay {
    std::string chain;
    std::uint64_t sequence = 0;
    State state = State::waiting;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  };

  Result<> set(rd_kafka_conf_t& settings, const std::string& name, const std::string& value) {
    char reason[reason_bytes] = {};
    if (rd_kafka_conf_set(&settings, name.c_str(), value.c_str(), reason, sizeof reason) == RD_KAFKA_CONF_OK)
      return boost::system::in_place_value;
    return Error(sqlstate::invalid_parameter_value,
                 "option " + name + " is unknown, or has a value that it cannot have");
  }

  Result<> configure(rd_kafka_conf_t& settings) {
    std::string brokers;
    for (const std::string& broker : topic_.brokers)
      brokers += (brokers.empty() ? "" : ",") + broker;
    for (const auto& [name, value] : topic_.options)
      DBGATE_CHECK(set(settings, name, value));
    if (!topic_.user.empty()) DBGATE_CHECK(set(settings, "sasl.username", topic_.user));
    if (!topic_.password.empty()) DBGATE_CHECK(set(settings, "sasl.password", topic_.password));
    if (!topic_.ca_file.empty()) DBGATE_CHECK(set(settings, "ssl.ca.location", topic_.ca_file));
    DBGATE_CHECK(set(settings, "bootstrap.servers", brokers));
    DBGATE_CHECK(set(settings, "enable.idempotence", "true"));
    DBGATE_CHECK(set(settings, "acks", "all"));
    // A message that is given up would be passed by those behind it.
    DBGATE_CHECK(set(settings, "message.timeout.ms", "0"));
    rd_kafka_conf_set_opaque(&settings, this);
    rd_kafka_conf_set_dr_msg_cb(&settings, on_report);
    rd_kafka_conf_set_error_cb(&settings, on_error);
    rd_kafka_conf_set_log_cb(&settings, [](const rd_kafka_t*, int, const char*, const char*) {});
    return boost::system::in_place_value;
  }

  // Whether what is under way is what the records begin with.
  bool follows(std::span<const ports::SinkRecord> records) const {
    return under_way_.size() <= records.size() && std::equal(under_way_.begin(), under_way_.end(), records.begin(),
                                                             [](const auto& own, const ports::SinkRecord& record) {
                                                               return own->sequence == record.sequence &&
                                                                      own->chain == record.chain;
                                                             });
  }

  rd_kafka_resp_err_t produce(const ports::SinkRecord& record) {
    auto entry = std::make_unique<UnderWay>();
    entry->chain = record.chain;
    entry->sequence = record.sequence;
    std::array<rd_kafka_vu_t, 5> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = topic_.topic.c_str();
    parts[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[1].u.i = RD_KAFKA_MSG_F_COPY;
    parts[2].vtype = RD_KAFKA_VTYPE_KEY;
    parts[2].u.mem = {entry->chain.data(), entry->chain.size()};
    parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[3].u.mem = {const_cast<char*>(record.line.data()), record.line.size()};
    parts[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[4].u.ptr = entry.get();
    rd_kafka_error_t* const failed = rd_kafka_produceva(producer_.get(), parts.data(), parts.size());
    const auto error = failed == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(failed);
    if (failed != nullptr) rd_kafka_error_destroy(failed);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) under_way_.push_back(std::move(entry));
    return error;
  }

  bool done() const {
    return std::any_of(under_way_.begin(), under_way_.end(),
                       [](const auto& entry) { return entry->state == State::failed; }) ||
           std::all_of(under_way_.begin(), under_way_.end(),
                       [](const auto& entry) { return entry->state == State::delivered; });
  }

  static void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    auto* const entry = static_cast<UnderWay*>(message->_private);
    entry->error = message->err;
    entry->state = message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? State::delivered : State::failed;
    if (entry->state == State::delivered) static_cast<KafkaSink*>(self)->trouble_.clear();
  }

  static void on_error(rd_kafka_t*, int error, const char*, void* self) {
    static_cast<KafkaSink*>(self)->trouble_ = rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error));
  }

  void give_up(int patience_ms) {
    rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(producer_.get(), patience_ms);  // reports of what was purged
    producer_.reset();
  }

  // Sends again what was under way: nothing of it may arrive later, behind what comes next.
  void start_anew() {
    if (producer_) give_up(farewell_ms);
    under_way_.clear();
  }

  const KafkaTopic topic_;
  std::deque<std::unique_ptr<UnderWay>> under_way_;
  std::string trouble_;  ///< what librdkafka has said last
  std::unique_ptr<rd_kafka_t, Free> producer_;
};

}  // namespace

Result<std::unique_ptr<ports::AuditSink>> make_kafka_sink(const KafkaTopic& topic) {
  auto sink = std::make_unique<KafkaSink>(topic);
  DBGATE_CHECK(sink->open());
  return std::unique_ptr<ports::AuditSink>(std::move(sink));
}

}  // namespace dbgate::adapters
