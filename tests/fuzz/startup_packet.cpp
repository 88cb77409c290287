// Input: the body of a startup packet. Also what session/startup makes of `options` and of single settings.
#include "gateway/session/startup.h"
#include "protocol/postgres/startup_packets.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dbgate::protocol;
  using dbgate::fuzz::check_round_trip;
  constexpr std::size_t length_word = 4;
  const Bytes body = as_bytes(dbgate::fuzz::as_text(data, size));
  check_round_trip<frontend::StartupMessage>(body, length_word);
  check_round_trip<frontend::SSLRequest>(body, length_word);
  check_round_trip<frontend::GSSENCRequest>(body, length_word);
  check_round_trip<frontend::CancelRequest>(body, length_word);
  const auto startup = frontend::StartupMessage::decode(body);
  if (!startup) return 0;
  dbgate::fuzz::count_items(startup->parameters);
  for (const frontend::StartupParameter parameter : startup->parameters) {
    DBGATE_FUZZ_CHECK(!parameter.name.empty());
    DBGATE_FUZZ_CHECK(startup->find(parameter.name) == parameter.value);
    static_cast<void>(dbgate::session::check_setting(parameter.name, parameter.value));
    const auto options = dbgate::session::parse_options(parameter.value);
    if (!options) continue;
    for (const auto& [name, value] : *options)
      static_cast<void>(dbgate::session::check_setting(name, value));
  }
  return 0;
}
