#include "gateway/app/peers.h"

#include "gateway/audit/json.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds cancel_limit{2'000};
constexpr milliseconds list_limit{1'000};
constexpr milliseconds end_limit{2'000};
constexpr milliseconds query_limit{5'000};
// Of a page of rows: what goes through the store is bounded, but for one row that is larger.
constexpr std::size_t most_page_bytes = 1u << 20;

}  // namespace

Task<std::string> Peers::answer(ReplicaQuestion question) {
  switch (question.what) {
    case ReplicaQuestion::What::cancel: {
      const auto point = shared_.cancels.find(question.pid, question.key);
      if (point) co_await net::run_on(point->executor(), [point] { return point->request(); });
      co_return std::string();
    }
    case ReplicaQuestion::What::sessions: {
      const auto sessions = co_await sessions_.list();
      co_return to_json(sessions);
    }
    case ReplicaQuestion::What::end: {
      const auto ended = co_await sessions_.end(question.id, question.by, question.reason);
      co_return to_json(ended);
    }
    case ReplicaQuestion::What::witness: {
      std::string said = co_await witness(std::move(question));
      co_return said;
    }
    case ReplicaQuestion::What::query:
      break;
  }
  co_return std::string();
}

// Another gateway's checkpoint. What is wrong with its log is said here as well: who has altered it may be silent.
Task<std::string> Peers::witness(ReplicaQuestion question) {
  PeerCheckpoints::Answer answer;
  co_await net::run_on(shared_.identity->blocking(), [&]() -> Task<> {
    answer = checkpoints_->add(question.text, question.key);
    co_return;
  });
  if (!answer.origin.empty()) {
    shared_.peer_conflicts.add();
    log::error("audit", "the audit log of another gateway does not lead to what was seen of it",
               {{"log", answer.origin}, {"err", answer.why}, {"hint", "keep a copy of it, and see docs/audit.md"}});
    std::string fields;
    audit::append_field(fields, "reason", std::string_view(answer.why));
    audit::append_field(fields, "witness.log", std::string_view(answer.origin));
    if (chain_->append("audit.conflict", fields)) static_cast<void>(chain_->write_out());
  }
  co_return to_json(answer.response);
}

Task<> cancel_elsewhere(Replicas& replicas, std::int32_t pid, std::string key) {
  std::vector<std::string> whom = replicas.others();
  std::erase_if(whom, [&](const std::string& id) { return !session::CancelRegistry::may_be_of(key, id); });
  if (whom.empty()) co_return;
  ReplicaQuestion question;
  question.what = ReplicaQuestion::What::cancel;
  question.pid = pid;
  question.key = std::move(key);
  const std::size_t asked = whom.size();
  const auto answers = co_await replicas.ask(std::move(whom), std::move(question), cancel_limit);
  if (answers.size() < asked) log::warn("replicas", "a cancel request could not be passed on to all other gateways");
}

Task<std::vector<ports::SessionSummary>> sessions_elsewhere(Replicas& replicas) {
  std::vector<ports::SessionSummary> sessions;
  ReplicaQuestion question;
  question.what = ReplicaQuestion::What::sessions;
  std::vector<std::string> whom = replicas.others();
  const std::size_t asked = whom.size();
  const auto answers = co_await replicas.ask(std::move(whom), std::move(question), list_limit);
  if (answers.size() < asked) log::warn("replicas", "not all gateways have said which sessions they have");
  for (const std::string& answer : answers) {
    std::vector<ports::SessionSummary> more = sessions_from_json(answer);
    std::move(more.begin(), more.end(), std::back_inserter(sessions));
  }
  co_return sessions;
}

Task<std::optional<Result<>>> end_elsewhere(Replicas& replicas, std::string id, std::string by, std::string reason) {
  ReplicaQuestion question;
  question.what = ReplicaQuestion::What::end;
  question.id = std::move(id);
  question.by = std::move(by);
  question.reason = std::move(reason);
  const auto answers = co_await replicas.ask(replicas.others(), std::move(question), end_limit);
  for (const std::string& answer : answers) {
    auto outcome = outcome_from_json(answer);
    if (outcome) co_return outcome;
  }
  co_return std::nullopt;
}

Task<Result<std::optional<ports::QueryAnswer>>> QueriesElsewhere::ask(ports::QueryQuestion query) {
  std::vector<std::string> whom = replicas_.others();
  const std::size_t asked = whom.size();
  ReplicaQuestion question;
  question.what = ReplicaQuestion::What::query;
  question.query = std::move(query);
  question.query.most_bytes = most_page_bytes;
  const auto answers = co_await replicas_.ask(std::move(whom), std::move(question), query_limit, true);
  for (const std::string& answer : answers) {
    auto found = answer_from_json(answer);
    if (found) co_return std::move(found);
  }
  if (answers.size() == asked) co_return std::nullopt;
  co_return Error(sqlstate::connection_failure, "this gateway has no such query, and not all others have answered");
}

}  // namespace dbgate::app
