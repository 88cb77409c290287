#include "gateway/sinks/http_sink.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "gateway/sinks/http_shapes.h"
#include "gateway/sinks/otlp.h"

namespace dbgate::sinks {
namespace {

using Fault = ports::HttpFetched::Fault;
using Records = std::span<const ports::SinkRecord>;

constexpr std::size_t most_answer = 16u << 20;  // a bulk answer has some hundred bytes for each record

std::string words_of(Fault fault) {
  switch (fault) {
    case Fault::bad_url:
      return "the url is neither https nor http to this machine";
    case Fault::untrusted:
      return "the server's certificate cannot be verified";
    case Fault::timeout:
      return "the server does not answer in time";
    case Fault::too_long:
      return "the server's answer is too long";
    case Fault::stopped:
      return "stopped";
    default:
      return "no connection to the server";
  }
}

/// Somebody waits for an answer, unless they have gone.
struct Waiting {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::optional<ports::HttpFetched> fetched;
};

class HttpSink final : public ports::AuditSink {
 public:
  HttpSink(const config::AuditSink& settings, ports::HttpFetches& fetches, std::string host)
      : settings_(settings),
        fetches_(fetches),
        host_(std::move(host)),
        headers_(headers_of(settings)),
        traces_(host_, settings.sample_ratio) {}

  // A request with a record that the receiver rejects is cut in halves until it is alone.
  ports::Delivery send(Records records, const std::stop_token& stop) override {
    ports::Delivery all;
    std::size_t count = records.size();
    while (all.delivered < records.size()) {
      const Records part = records.subspan(all.delivered, std::min(count, records.size() - all.delivered));
      HttpVerdict verdict = post(part, stop);
      all.delivered += verdict.delivered;
      if (verdict.why.empty()) continue;
      if (verdict.divisible && part.size() > 1) {
        count = part.size() / 2;
        continue;
      }
      all.why = std::move(verdict.why);
      all.rejected = verdict.rejected;
      all.retry_after = verdict.retry_after;
      break;
    }
    return all;
  }

 private:
  HttpVerdict post(Records records, const std::stop_token& stop) {
    ports::HttpRequest request;
    request.method = "POST";
    request.url = settings_.url;
    request.headers = headers_;
    request.body =
        settings_.shape == config::SinkShape::otlp_traces ? traces_.body(records) : body_of(settings_, host_, records);
    if (request.body.empty()) return {records.size(), {}, false, false, {}};
    if (settings_.gzip) request.body = gzip(request.body);
    request.ca_file = settings_.ca_file;
    request.stop = stop;
    const auto waiting = std::make_shared<Waiting>();
    fetches_.start(std::move(request), {{}, settings_.timeout, most_answer}, [waiting](ports::HttpFetched fetched) {
      const std::lock_guard lock(waiting->mutex);
      waiting->fetched = std::move(fetched);
      waiting->changed.notify_all();
    });
    std::unique_lock lock(waiting->mutex);
    waiting->changed.wait(lock, stop, [&waiting] { return waiting->fetched.has_value(); });
    HttpVerdict verdict;
    if (!waiting->fetched || waiting->fetched->fault != Fault::none) {
      verdict.why = words_of(waiting->fetched ? waiting->fetched->fault : Fault::stopped);
      return verdict;
    }
    return read_answer(settings_.shape, records.size(), waiting->fetched->response);
  }

  const config::AuditSink settings_;
  ports::HttpFetches& fetches_;
  const std::string host_;
  const std::vector<std::pair<std::string, std::string>> headers_;
  OtlpTraces traces_;
};

}  // namespace

std::unique_ptr<ports::AuditSink> make_http_sink(const config::AuditSink& settings, ports::HttpFetches& fetches,
                                                 std::string host) {
  return std::make_unique<HttpSink>(settings, fetches, std::move(host));
}

}  // namespace dbgate::sinks
