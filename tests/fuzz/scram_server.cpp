// Input: a byte of choices, the client's first message, NUL, the client's final message in which '@' stands for the
// nonce of the exchange, which nobody can guess.
#include "gateway/auth/scram_server.h"

#include "tests/fuzz/check.h"

namespace {

std::string with_nonce(std::string_view text, std::string_view nonce) {
  std::string result;
  for (const char c : text) {
    if (c == '@') {
      result += nonce;
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dbgate;
  if (size == 0) return 0;
  static const auto keyring = [] {
    auto several = std::make_shared<auth::ScramKeyring>(auth::make_scram_verifier("a password that no input holds", 1));
    several->add(auth::make_scram_keys("nor this one", several->salt, several->iterations));
    return several;
  }();
  const std::string end_point = (data[0] & 1) != 0 ? std::string(32, 'e') : std::string();
  auth::ScramServer server(keyring, (data[0] & 2) == 0, end_point);
  const std::string_view messages = fuzz::as_text(data, size).substr(1);
  const std::size_t cut = messages.find('\0');
  const auto first = server.start((data[0] & 4) != 0 ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", messages.substr(0, cut));
  if (!first) return 0;
  DBGATE_FUZZ_CHECK(first->starts_with("r="));
  const std::string_view nonce = std::string_view(*first).substr(2, first->find(',') - 2);
  if (cut == std::string_view::npos) return 0;
  const auto last = server.finish(with_nonce(messages.substr(cut + 1), nonce));
  DBGATE_FUZZ_CHECK(!last);  // without the password
  static_cast<void>(auth::parse_scram_verifier(messages));
  return 0;
}
