#include <algorithm>

#include "gateway/app/sessions_here.h"
#include "gateway/audit/json.h"

// Each worker is asked on its own thread: nothing is locked, and nothing is kept for it.
namespace dbgate::app {
namespace {

constexpr std::size_t longest_reason = 200;

// It becomes part of a message that terminals and logs show: one line.
std::string one_line(std::string_view text) {
  std::string line(text.substr(0, longest_reason));
  // Not in the middle of a character of UTF-8 (RFC 3629 §3).
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0u) == 0x80u; };
  while (!line.empty() && line.size() < text.size() && continues(line.size()))
    line.pop_back();
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

}  // namespace

Task<std::vector<ports::SessionSummary>> SessionsHere::list() {
  std::vector<ports::SessionSummary> all;
  for (Worker* const worker : shared_.workers) {
    co_await net::run_on(worker->context().get_executor(), [&all, worker]() -> Task<> {
      worker->list_sessions(all);
      co_return;
    });
  }
  co_return all;
}

Task<std::optional<ports::SessionSummary>> SessionsHere::find(std::string id,
                                                              std::shared_ptr<const session::Ending> why) {
  std::optional<ports::SessionSummary> found;
  for (Worker* const worker : shared_.workers) {
    co_await net::run_on(worker->context().get_executor(), [&]() -> Task<> {
      found = worker->find_session(id, why.get());
      co_return;
    });
    if (found) break;
  }
  co_return found;
}

Result<> SessionsHere::record_end(const ports::SessionSummary& session, const std::string& by,
                                  const std::string& reason) {
  std::string fields;
  const auto add = [&fields](std::string_view key, const std::string& value) {
    audit::append_field(fields, key, std::string_view(value));
  };
  add("user.name", by);
  add("change", "session.end");
  add("object", session.id);
  add("object.user", session.user);
  add("object.target", session.target);
  add("reason", reason);
  DBGATE_CHECK(chain_.append("admin.change", fields));
  const auto written = chain_.commit();
  if (!written) return written.error();
  return boost::system::in_place_value;
}

Task<std::optional<Result<>>> SessionsHere::end(std::string id, std::string by, std::string reason) {
  const auto session = co_await find(id, nullptr);
  if (!session) co_return std::nullopt;
  reason = one_line(reason);
  const auto recorded = record_end(*session, by, reason);
  if (!recorded) co_return recorded;
  const auto why = std::make_shared<const session::Ending>(
      session::Ending{"terminating connection: ended by " + by + (reason.empty() ? "" : ": " + reason),
                      session::EndReason::ended_by_administrator});
  const auto ended = co_await find(std::move(id), why);
  if (!ended) co_return std::nullopt;
  co_return Result<>(boost::system::in_place_value);
}

}  // namespace dbgate::app
