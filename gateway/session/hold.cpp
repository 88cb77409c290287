#include "gateway/session/hold.h"

#include <algorithm>

#include "gateway/audit/sha256.h"
#include "gateway/session/replies.h"

namespace dbgate::session {
namespace {

// Each part with its length before it: two lists of parts are never the same bytes.
class Parts {
 public:
  explicit Parts(std::string_view kind) { add(kind); }
  void add(std::string_view part) {
    add(part.size());
    hash_.add(part);
  }
  void add(std::size_t number) { hash_.add(std::to_string(number) + ":"); }
  void add(const std::vector<std::string>& list) {
    add(list.size());
    for (const std::string& one : list)
      add(one);
  }
  std::string hex() { return hash_.hex(); }

 private:
  audit::Sha256 hash_;
};

std::string show_command(const HoldAnswer& answer) {
  return "dbgate approvals show " + answer.approval;
}

// Written by people: what a terminal would obey is left out.
std::string plain(std::string_view text) {
  std::string shown(text);
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return shown;
}

}  // namespace

std::string digest_of(const HoldPlace& place, const policy::Hold& hold, std::string_view text,
                      std::string_view values) {
  Parts parts("dbgate statement 1");
  parts.add(place.user);
  parts.add(place.target);
  parts.add(place.database);
  parts.add(hold.rule_id);
  parts.add(hold.approval->groups);
  parts.add(hold.approval->users);
  parts.add(hold.approval->needed);
  parts.add(static_cast<std::size_t>(hold.approval->window.count()));
  parts.add(text);
  parts.add(values);
  return parts.hex();
}

std::string digest_of_values(const std::vector<std::uint32_t>& types, std::string_view bound) {
  Parts parts("dbgate values 1");
  parts.add(types.size());
  for (const std::uint32_t type : types)
    parts.add(std::size_t{type});
  parts.add(bound);
  return parts.hex();
}

std::string hold_notice(const HoldAnswer& asked) {
  Refusal words;
  words.code = protocol::SqlState("00000");
  words.message = "held for approval " + asked.approval;
  words.hint = show_command(asked);
  return notice_response(words);
}

Refusal hold_refusal(const HoldAnswer& answer) {
  using What = HoldAnswer::What;
  Refusal refusal;
  refusal.hint = show_command(answer);
  switch (answer.what) {
    case What::denied:
      refusal.message = "permission denied by dbgate policy: approval " + answer.approval + " was denied";
      if (!answer.reason.empty()) refusal.detail = plain(answer.reason);
      break;
    case What::expired:
      refusal.message =
          "permission denied by dbgate policy: nobody decided on approval " + answer.approval + " in time";
      break;
    case What::cancelled:
      refusal.code = sqlstate::query_canceled;
      refusal.hint.clear();
      refusal.message = "canceling statement due to user request";
      break;
    case What::deferred:
      refusal.message = "permission denied by dbgate policy: needs approval " + answer.approval;
      refusal.hint = "Send the same statement again once it is approved: " + show_command(answer);
      break;
    default:
      refusal.code = answer.error.code();
      refusal.message = answer.error.message();
      refusal.hint = answer.error.hint();
      break;
  }
  return refusal;
}

}  // namespace dbgate::session
