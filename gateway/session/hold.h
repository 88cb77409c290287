#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/policy/verdict.h"
#include "gateway/session/judge.h"
#include "gateway/sql/facts.h"

// Statements that wait until others agree (docs/approvals.md).
namespace dbgate::session {

struct Changes;

/// What another connection to the same database is asked, for a transaction whose changes are compared.
struct OtherView {
  std::string settings;                ///< run first: begins a transaction
  std::vector<std::string> questions;  ///< rows of one column; that of the first begins with `here` on the same server
  std::string here;
};

/// What others are asked.
struct HoldQuestion {
  policy::Hold hold;
  std::string digest;      ///< SHA-256, hexadecimal: see digest_of()
  std::string text;        ///< as the frontend wrote it
  std::string defined;     ///< the texts of what it names by EXECUTE
  std::string parameters;  ///< JSON as in audit records; empty: none, or they are not kept
  std::string_view protocol;
  std::shared_ptr<const sql::Script> script;
  std::shared_ptr<const policy::Verdict> verdict;
  std::optional<bool> refuses{};            ///< what the session has said of waiting; none: nothing since the login
  bool settings_changed = false;            ///< the session has set what its meaning rests on (meaning_watch.h)
  std::shared_ptr<const Changes> changes;   ///< of a transaction before its COMMIT; null: it is about a statement
  std::chrono::milliseconds budget{0};      ///< … and for so long it may wait; 0: as long as there is to decide
  std::shared_ptr<const OtherView> view{};  ///< nobody is asked but a server; null: others are
};

/// What has come of it.
struct HoldAnswer {
  enum class What : std::uint8_t {
    asked,      ///< others know of it; another answer follows
    approved,   ///< it may run now, once
    denied,     ///< somebody said no
    expired,    ///< nobody has decided in time
    cancelled,  ///< by the requester, elsewhere
    viewed,     ///< `rows` are a server's answers to HoldQuestion::view
    deferred,   ///< it is asked for, and the client does not wait: it comes again
    failed      ///< others could not be asked: `error`
  };
  What what = What::failed;
  std::string approval;  ///< its id
  std::string by;        ///< who has decided, comma-separated
  std::string reason;    ///< in the words of who said no
  Error error;
  std::shared_ptr<const std::vector<std::string>> rows{};
};

/// A question under way. Whoever gives it up withdraws it, if nobody has decided on it yet; its callback is not called
/// any more.
class Holding {
 public:
  virtual ~Holding() = default;
};
using HoldingPtr = std::unique_ptr<Holding>;
using HoldListener = std::function<void(HoldAnswer)>;

/// Who asks, and where.
struct HoldPlace {
  std::string_view user, target, database;
};
/// What is the same in two executions exactly if agreeing to one is agreeing to the other: requester, target, database,
/// what asks for agreement and of whom, the exact text, types and values of parameters, the texts of what EXECUTE
/// names, and settings that its meaning rests on.
/// @param values  of parameters, see digest_of_values(), and whatever else the meaning rests on; empty: nothing
std::string digest_of(const HoldPlace& place, const policy::Hold& hold, std::string_view text, std::string_view values);
/// @param bound  of a Bind message, everything behind its names
std::string digest_of_values(const std::vector<std::uint32_t>& types, std::string_view bound);

/// A relay's part: the statement at hand, and what has been agreed to for it. Gone when that statement is through.
struct HoldSide {
  HoldQuestion question;
  std::unique_ptr<HoldAnswer> answer;  ///< that it does not run; null: none yet
  std::vector<std::string> agreed;     ///< digests
  std::shared_ptr<Agreement> agreement;
};

/// The NoticeResponse by which a client learns that its statement waits.
std::string hold_notice(const HoldAnswer& asked);
/// What the client is told when it does not run.
Refusal hold_refusal(const HoldAnswer& answer);

}  // namespace dbgate::session
