// Input: a byte of choices, the server's first message in which '@' stands for the client's nonce, NUL, the server's
// final message.
#include "gateway/auth/scram_client.h"

#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dbgate;
  if (size == 0) return 0;
  const std::string end_point = (data[0] & 1) != 0 ? std::string(32, 'e') : std::string();
  auth::ScramClient client("a password that no input holds", end_point, (data[0] & 2) != 0);
  const std::string client_first = client.client_first();
  const std::string nonce = client_first.substr(client_first.rfind('=') + 1);
  const std::string_view messages = fuzz::as_text(data, size).substr(1);
  const std::size_t cut = messages.find('\0');
  std::string server_first;
  for (const char c : messages.substr(0, cut)) {
    if (c == '@') {
      server_first += nonce;
    } else {
      server_first += c;
    }
  }
  const auto final = client.on_server_first(server_first);
  if (final) DBGATE_FUZZ_CHECK(final->find(",r=" + nonce) != std::string::npos);
  const std::string_view server_final = cut == std::string_view::npos ? std::string_view() : messages.substr(cut + 1);
  DBGATE_FUZZ_CHECK(!client.on_server_final(server_final));  // without the password
  return 0;
}
