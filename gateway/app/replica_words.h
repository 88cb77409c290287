#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/ports/http_client.h"
#include "gateway/ports/query_peers.h"

// What gateways on one store say to each other, as JSON.
namespace dbgate::app {

using Counts = std::map<std::string, std::size_t, std::less<>>;

/// What counts against limits that hold for all gateways together, as one gateway has it.
struct ReplicaUsage {
  Counts users;     ///< connections
  Counts targets;   ///< connections, where the target limits them
  Counts failures;  ///< failed logins on the wire, by address
  Counts requests;  ///< of the API, by caller
  Counts running;   ///< statements, where policies limit how many run at once
  /// Statements that rates of policies have counted: ever, as one gateway says it; of the others together, since they
  /// were heard last.
  Counts taken;

  bool operator==(const ReplicaUsage&) const = default;
};

std::string to_json(const ReplicaUsage& usage);
/// Whatever does not fit is left out.
ReplicaUsage usage_from_json(std::string_view text);
/// All but what was taken.
void add(ReplicaUsage& sum, const ReplicaUsage& more);
/// What one gateway has taken since it said `before`, to `sum`. What it does not speak of any more has not moved: that
/// stands in `now` afterwards.
void add_taken(Counts& sum, Counts& now, const Counts& before);

/// One message: a question, or the answer to one.
struct ReplicaMail {
  std::string from;
  std::string answers;  ///< id of the question; empty: it is one
  std::string text;
};
std::string to_json(const ReplicaMail& mail);
std::optional<ReplicaMail> mail_from_json(std::string_view text);

struct ReplicaQuestion {
  enum class What : std::uint8_t { cancel, sessions, end, query, witness };
  What what = What::cancel;
  std::int32_t pid = 0;  ///< of cancel
  std::string key;       ///< … or, of witness, of who signs the log
  std::string id;        ///< of end
  std::string by;
  std::string reason;
  ports::QueryQuestion query;
  std::string text;  ///< of witness: what a witness is asked
};
std::string to_json(const ReplicaQuestion& question);
std::optional<ReplicaQuestion> question_from_json(std::string_view text);

std::string to_json(const std::vector<ports::SessionSummary>& sessions);
std::vector<ports::SessionSummary> sessions_from_json(std::string_view text);

/// How an end went: empty if the session is not there.
std::string to_json(const std::optional<Result<>>& outcome);
std::optional<Result<>> outcome_from_json(std::string_view text);

std::string to_json(const ports::HttpResponse& response);
std::optional<ports::HttpResponse> response_from_json(std::string_view text);

/// Empty if the query is not there.
std::string to_json(const std::optional<ports::QueryAnswer>& answer);
std::optional<ports::QueryAnswer> answer_from_json(std::string_view text);

}  // namespace dbgate::app
