#include "gateway/adapters/syslog_sink.h"

#include <deque>

#include "gateway/adapters/syslog_connection.h"

namespace dbgate::adapters {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_kept = 4u << 20;
constexpr std::chrono::seconds kept_for{60};

class SyslogSink final : public ports::AuditSink {
 public:
  SyslogSink(const SyslogReceiver& receiver, AppendFrame append) : receiver_(receiver), append_(std::move(append)) {}

  ports::Delivery send(std::span<const ports::SinkRecord> records, const std::stop_token& stop) override {
    ports::Delivery delivery;
    std::string text;
    for (const ports::SinkRecord& record : records)
      append_(text, record);
    const auto connected = connect(stop);
    const auto sent = connected ? connection_->send(text, stop) : connected;
    if (!sent) {
      drop();
      const Error why = sent.error();
      delivery.why = why.message();
      return delivery;
    }
    keep(std::move(text));
    delivery.delivered = records.size();
    return delivery;
  }

  Result<> settle(const std::stop_token& stop) override {
    if (!connection_ && kept_.empty()) return boost::system::in_place_value;
    if (connection_ && connection_->alive()) {
      forget_old();
      return boost::system::in_place_value;
    }
    drop();
    return kept_.empty() ? Result<>(boost::system::in_place_value) : connect(stop);
  }

 private:
  struct Kept {
    Clock::time_point sent;
    std::string text;
  };

  Result<> connect(const std::stop_token& stop) {
    if (connection_ && connection_->alive()) return boost::system::in_place_value;
    drop();
    DBGATE_TRY(connection_, SyslogConnection::open(receiver_, stop));
    for (const Kept& batch : kept_) {
      const auto sent = connection_->send(batch.text, stop);
      if (sent) continue;
      drop();
      return sent;
    }
    return boost::system::in_place_value;
  }

  void drop() { connection_.reset(); }

  void keep(std::string text) {
    kept_bytes_ += text.size();
    kept_.push_back({Clock::now(), std::move(text)});
    while (kept_bytes_ > most_kept)
      forget_first();
    forget_old();
  }

  void forget_old() {
    while (!kept_.empty() && Clock::now() - kept_.front().sent > kept_for)
      forget_first();
  }

  void forget_first() {
    kept_bytes_ -= kept_.front().text.size();
    kept_.pop_front();
  }

  const SyslogReceiver receiver_;
  const AppendFrame append_;
  std::unique_ptr<SyslogConnection> connection_;
  std::deque<Kept> kept_;  ///< acknowledged, perhaps not read
  std::size_t kept_bytes_ = 0;
};

}  // namespace

std::unique_ptr<ports::AuditSink> make_syslog_sink(const SyslogReceiver& receiver, AppendFrame append) {
  return std::make_unique<SyslogSink>(receiver, std::move(append));
}

}  // namespace dbgate::adapters
