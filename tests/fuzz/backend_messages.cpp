// Input: a message's type and its body.
#include "protocol/postgres/backend_messages.h"

#include "protocol/postgres/frame.h"
#include "protocol/postgres/replication_messages.h"
#include "tests/fuzz/check.h"

namespace {

using namespace dbgate::protocol;
using dbgate::fuzz::check_round_trip;
using dbgate::fuzz::count_items;
constexpr std::size_t header = MessageHeader::bytes;

template <class... Messages>
void round_trips(char type, Bytes body) {
  ((type == Messages::type ? check_round_trip<Messages>(body, header) : void()), ...);
}

void walk_lists(char type, Bytes body) {
  if (type == 'T') {
    if (const auto message = backend::RowDescription::decode(body)) count_items(message->columns);
  } else if (type == 'D') {
    if (const auto message = backend::DataRow::decode(body)) count_items(message->columns);
  } else if (type == 't') {
    if (const auto message = backend::ParameterDescription::decode(body)) count_items(message->types);
  } else if (type == 'v') {
    if (const auto message = backend::NegotiateProtocolVersion::decode(body)) count_items(message->unknown_options);
  } else if (type == 'R') {
    if (const auto message = backend::AuthenticationSASL::decode(body)) count_items(message->mechanisms);
  } else if (type == 'E') {
    if (const auto message = backend::ErrorResponse::decode(body)) {
      count_items(message->fields);
      static_cast<void>(find_field(message->fields, 'C'));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input = as_bytes(dbgate::fuzz::as_text(data, size));
  static_cast<void>(decode_header(input));
  if (input.empty()) return 0;
  const char type = static_cast<char>(input[0]);
  const Bytes body = input.subspan(1);
  using namespace backend;
  round_trips<AuthenticationOk, AuthenticationKerberosV5, AuthenticationCleartextPassword, AuthenticationMD5Password,
              AuthenticationSCMCredential, AuthenticationGSS, AuthenticationGSSContinue, AuthenticationSSPI,
              AuthenticationSASL, AuthenticationSASLContinue, AuthenticationSASLFinal>(type, body);
  round_trips<BackendKeyData, BindComplete, CloseComplete, CommandComplete, CopyBothResponse, CopyData, CopyDone,
              CopyInResponse, CopyOutResponse, DataRow, EmptyQueryResponse, ErrorResponse, FunctionCallResponse,
              NegotiateProtocolVersion, NoData, NoticeResponse, NotificationResponse, ParameterDescription,
              ParameterStatus, ParseComplete, PortalSuspended, ReadyForQuery, RowDescription>(type, body);
  walk_lists(type, body);
  if (type == CopyData::type) {
    check_round_trip<XLogData>(body, 0);
    check_round_trip<PrimaryKeepalive>(body, 0);
  }
  return 0;
}
