// Input: a message's type and its body.
#include "protocol/postgres/frontend_messages.h"

#include "protocol/postgres/frame.h"
#include "protocol/postgres/replication_messages.h"
#include "tests/fuzz/check.h"

namespace {

using namespace dbgate::protocol;
using dbgate::fuzz::check_round_trip;
using dbgate::fuzz::count_items;
constexpr std::size_t header = MessageHeader::bytes;

void decode(char type, Bytes body) {
  switch (type) {
    case frontend::Bind::type:
      check_round_trip<frontend::Bind>(body, header);
      if (const auto bind = frontend::Bind::decode(body)) {
        count_items(bind->parameter_formats);
        count_items(bind->parameters);
        count_items(bind->result_formats);
      }
      break;
    case frontend::Close::type:
      return check_round_trip<frontend::Close>(body, header);
    case frontend::CopyData::type:
      check_round_trip<frontend::CopyData>(body, header);
      check_round_trip<frontend::StandbyStatusUpdate>(body, 0);
      return check_round_trip<frontend::HotStandbyFeedback>(body, 0);
    case frontend::CopyDone::type:
      return check_round_trip<frontend::CopyDone>(body, header);
    case frontend::CopyFail::type:
      return check_round_trip<frontend::CopyFail>(body, header);
    case frontend::Describe::type:
      return check_round_trip<frontend::Describe>(body, header);
    case frontend::Execute::type:
      return check_round_trip<frontend::Execute>(body, header);
    case frontend::Flush::type:
      return check_round_trip<frontend::Flush>(body, header);
    case frontend::FunctionCall::type:
      check_round_trip<frontend::FunctionCall>(body, header);
      if (const auto call = frontend::FunctionCall::decode(body)) count_items(call->arguments);
      break;
    case frontend::Parse::type:
      check_round_trip<frontend::Parse>(body, header);
      if (const auto parse = frontend::Parse::decode(body)) count_items(parse->parameter_types);
      break;
    case frontend::Query::type:
      return check_round_trip<frontend::Query>(body, header);
    case frontend::Sync::type:
      return check_round_trip<frontend::Sync>(body, header);
    case frontend::Terminate::type:
      return check_round_trip<frontend::Terminate>(body, header);
    case frontend::PasswordMessage::type:
      check_round_trip<frontend::PasswordMessage>(body, header);
      check_round_trip<frontend::SASLInitialResponse>(body, header);
      check_round_trip<frontend::SASLResponse>(body, header);
      return check_round_trip<frontend::GSSResponse>(body, header);
    default:
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input = as_bytes(dbgate::fuzz::as_text(data, size));
  static_cast<void>(decode_header(input));
  if (!input.empty()) decode(static_cast<char>(input[0]), input.subspan(1));
  return 0;
}
