#include "gateway/session/receipts.h"

#include "gateway/audit/json.h"
#include "gateway/session/replies.h"

namespace dbgate::session {
namespace {

// Successful completion, in a subclass that is ours to give (SQL standard: subclasses from I to Z).
const SqlState receipt_code = protocol::SqlState("00R01");

}  // namespace

void Receipts::add(Segment segment, const audit::RecordName& record, std::string_view query_id) {
  Owed& owed = owed_.emplace_back();
  owed.segment = segment;
  owed.sequence = record.sequence;
  owed.chain = record.chain;
  owed.id = record.id;
  owed.hash = record.hash;
  owed.query_id = query_id;
}

void Receipts::tell(Segment answered, Outgoing& client) {
  for (; !owed_.empty() && owed_.front().segment <= answered; owed_.pop_front())
    client.say(notice(owed_.front()));
  owed_.trim();
}

std::string Receipts::notice(const Owed& owed) {
  std::string detail;
  audit::append_field(detail, "id", std::string_view(owed.id));
  audit::append_field(detail, "query_id", std::string_view(owed.query_id));
  audit::append_field(detail, "chain", std::string_view(owed.chain));
  audit::append_field(detail, "seq", owed.sequence);
  audit::append_field(detail, "hash", std::string_view(owed.hash));
  detail.front() = '{';  // in the place of the comma of a further member
  detail += '}';
  Refusal words;
  words.code = receipt_code;
  words.message = "audit receipt " + owed.id;
  words.detail = std::move(detail);
  return notice_response(words);
}

}  // namespace dbgate::session
