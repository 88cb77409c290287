#include "gateway/auth/scram_verifier.h"

#include <gtest/gtest.h>

#include "tests/unit/auth/exchange.h"

namespace dbgate::auth {
namespace {

// The user of RFC 7677 §3 as PostgreSQL would store it; the keys were computed by another implementation.
constexpr std::string_view pencil =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

TEST(ScramVerifier, ReadsWhatPostgresqlStores) {
  const auto verifier = parse_scram_verifier(pencil);
  ASSERT_TRUE(verifier);
  EXPECT_EQ(verifier->iterations, 4096);
  EXPECT_EQ(format_scram_verifier(*verifier), pencil);
  EXPECT_TRUE(verify_password(*verifier, "pencil"));
  EXPECT_FALSE(verify_password(*verifier, "Pencil"));
  EXPECT_FALSE(verify_password(*verifier, "pencil "));
  EXPECT_FALSE(verify_password(*verifier, ""));
}

TEST(ScramVerifier, RoundTrip) {
  for (const char* password : {"x", "correct horse battery staple", "p\xc3\xa4ss"}) {
    const ScramVerifier made = make_scram_verifier(password, 7);
    EXPECT_EQ(made.salt.size(), 16u);
    const auto read = parse_scram_verifier(format_scram_verifier(made));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->iterations, 7);
    EXPECT_EQ(read->salt, made.salt);
    EXPECT_TRUE(verify_password(*read, password));
    EXPECT_FALSE(verify_password(*read, "y"));
  }
  EXPECT_NE(format_scram_verifier(make_scram_verifier("x", 1)), format_scram_verifier(make_scram_verifier("x", 1)));
}

// A damaged verifier is refused, or it is another one: it never stands for the original.
TEST(ScramVerifier, Damage) {
  std::size_t accepted = 0;
  each_damage(std::string(pencil), [&accepted](const std::string& text) {
    const auto verifier = parse_scram_verifier(text);
    if (!verifier) return;
    ++accepted;
    EXPECT_NE(format_scram_verifier(*verifier), pencil) << text;
  });
  EXPECT_GT(accepted, 0u);  // other digits, other base64 letters
  for (std::size_t length = 0; length < pencil.size(); ++length)
    EXPECT_FALSE(parse_scram_verifier(pencil.substr(0, length))) << length;
}

TEST(ScramVerifier, RefusesWhatIsNone) {
  const std::string keys = "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
  const std::string salted = ":W22ZaJ0SNY7soEsUEjb6gQ==" + keys;
  EXPECT_TRUE(parse_scram_verifier("SCRAM-SHA-256$1" + salted));
  EXPECT_TRUE(parse_scram_verifier("SCRAM-SHA-256$1000000" + salted));
  for (const char* iterations : {"0", "-1", "+1", "1000001", "99999999999999999999", "", " 1", "1 ", "1e3", "0x10"})
    EXPECT_FALSE(parse_scram_verifier("SCRAM-SHA-256$" + std::string(iterations) + salted)) << iterations;
  EXPECT_FALSE(parse_scram_verifier("SCRAM-SHA-256$1:" + keys));
  EXPECT_FALSE(parse_scram_verifier("scram-sha-256$1" + salted));
  EXPECT_FALSE(parse_scram_verifier("SCRAM-SHA-256$1" + salted + "="));
  EXPECT_FALSE(parse_scram_verifier("SCRAM-SHA-256$1" + salted + "\n"));
  EXPECT_FALSE(parse_scram_verifier("SCRAM-SHA-256$1:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA"));
  EXPECT_FALSE(parse_scram_verifier("md5d41d8cd98f00b204e9800998ecf8427e"));
}

TEST(ScramKeyring, TakesKeysUpToItsLimit) {
  ScramKeyring keyring(make_scram_verifier("x", 1));
  EXPECT_EQ(keyring.keys.size(), 1u);
  EXPECT_FALSE(keyring.add({std::string(31, 'k'), std::string(32, 'k')}));
  EXPECT_FALSE(keyring.add({std::string(32, 'k'), std::string(33, 'k')}));
  while (keyring.keys.size() < ScramKeyring::most_keys)
    ASSERT_TRUE(keyring.add({std::string(32, 'k'), std::string(32, 'k')}));
  EXPECT_FALSE(keyring.add({std::string(32, 'k'), std::string(32, 'k')}));
  EXPECT_EQ(keyring.keys.size(), 32u);
}

TEST(ScramKeyring, KeysAreThoseOfTheVerifierWithTheSameSalt) {
  const ScramVerifier verifier = make_scram_verifier("pencil", 3);
  const ScramKeys keys = make_scram_keys("pencil", verifier.salt, 3);
  EXPECT_EQ(keys.stored_key, verifier.stored_key);
  EXPECT_EQ(keys.server_key, verifier.server_key);
  EXPECT_NE(make_scram_keys("pencil", verifier.salt, 4).stored_key, verifier.stored_key);
}

TEST(ScramVerifier, MocksLookReal) {
  const ScramVerifier mock = mock_scram_verifier("nobody", "secret");
  const ScramVerifier real = make_scram_verifier("x", ScramVerifier{}.iterations);
  EXPECT_EQ(mock.iterations, real.iterations);
  EXPECT_EQ(mock.salt.size(), real.salt.size());
  EXPECT_EQ(mock.stored_key.size(), real.stored_key.size());
  EXPECT_EQ(mock.server_key.size(), real.server_key.size());
  // The same name must show the same salt each time, or asking twice tells that it is made up.
  EXPECT_EQ(mock_scram_verifier("nobody", "secret").salt, mock.salt);
  EXPECT_NE(mock_scram_verifier("nobody2", "secret").salt, mock.salt);
  EXPECT_NE(mock_scram_verifier("nobody", "secret2").salt, mock.salt);
  EXPECT_FALSE(verify_password(mock, ""));
  EXPECT_FALSE(verify_password(mock, "nobody"));
}

}  // namespace
}  // namespace dbgate::auth
