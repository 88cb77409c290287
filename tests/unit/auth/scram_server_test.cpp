#include "gateway/auth/scram_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "gateway/auth/scram_client.h"
#include "tests/unit/auth/exchange.h"

namespace dbgate::auth {
namespace {

constexpr const char* plain = "SCRAM-SHA-256";
constexpr const char* plus = "SCRAM-SHA-256-PLUS";
constexpr const char* end_point = "hash of the server's certificate";

// One iteration: the tests below run thousands of exchanges.
const ScramVerifier& alice() {
  static const ScramVerifier verifier = make_scram_verifier("pencil", 1);
  return verifier;
}

/// What a network in the middle does to the four messages.
struct Tampering {
  std::function<std::string(std::string)> client_first, server_first, client_final, server_final;
};

/// Runs one exchange to its end. Empty: both sides are satisfied.
std::optional<Error> run(ScramServer& server, ScramClient& client, const Tampering& tampering = {}) {
  const auto pass = [](const auto& change, std::string message) {
    return change ? change(std::move(message)) : message;
  };
  const auto server_first = server.start(client.mechanism(), pass(tampering.client_first, client.client_first()));
  if (!server_first) return server_first.error();
  const auto client_final = client.on_server_first(pass(tampering.server_first, *server_first));
  if (!client_final) return client_final.error();
  const auto server_final = server.finish(pass(tampering.client_final, *client_final));
  if (!server_final) return server_final.error();
  const auto satisfied = client.on_server_final(pass(tampering.server_final, *server_final));
  if (!satisfied) return satisfied.error();
  return std::nullopt;
}

std::string code_of(const std::optional<Error>& error) {
  return error ? std::string(error->code().text()) : "00000";
}

TEST(ScramServer, AgreesWithTheClient) {
  for (const bool could_bind : {false, true}) {
    ScramServer server(alice(), true, "");
    ScramClient client("pencil", "", could_bind);
    EXPECT_EQ(code_of(run(server, client)), "00000");
  }
  ScramServer binding(alice(), true, end_point);
  ScramClient bound("pencil", end_point, true);
  EXPECT_EQ(code_of(run(binding, bound)), "00000");
  // A client that cannot bind may come in without, also where binding is offered.
  ScramServer offering(alice(), true, end_point);
  ScramClient unbound("pencil", "", false);
  EXPECT_EQ(code_of(run(offering, unbound)), "00000");
}

TEST(ScramServer, AgreesWithTheReference) {
  const auto verifier = parse_scram_verifier(
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
  ASSERT_TRUE(verifier);
  ScramServer server(*verifier, true, "");
  Transcript transcript{"n=user,r=rOprNGfwEbeRWgbNEkqO", {}, {}};
  const auto server_first = server.start(plain, "n,," + transcript.first_bare);
  ASSERT_TRUE(server_first);
  transcript.server_first = *server_first;
  EXPECT_EQ(attribute_of(*server_first, 's'), "W22ZaJ0SNY7soEsUEjb6gQ==");
  EXPECT_EQ(attribute_of(*server_first, 'i'), "4096");
  const std::string nonce = attribute_of(*server_first, 'r');
  EXPECT_TRUE(nonce.starts_with("rOprNGfwEbeRWgbNEkqO"));
  EXPECT_EQ(nonce.size(), 20u + 24u);
  transcript.without_proof = "c=biws,r=" + nonce;
  const std::string salted = salted_password("pencil", base64_decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
  const auto final = server.finish(transcript.without_proof + ",p=" + reference_proof(salted, transcript));
  ASSERT_TRUE(final);
  EXPECT_EQ(*final, "v=" + reference_signature(salted, transcript));
}

// An extension before the proof is part of what is proved (RFC 5802 §7).
TEST(ScramServer, ProvesExtensionsToo) {
  ScramServer server(alice(), true, "");
  Transcript transcript{"n=,r=abc,ext=1", {}, {}};
  const auto server_first = server.start(plain, "n,," + transcript.first_bare);
  ASSERT_TRUE(server_first);
  transcript.server_first = *server_first;
  transcript.without_proof = "c=biws,r=" + attribute_of(*server_first, 'r') + ",x=1";
  const std::string salted = salted_password("pencil", alice().salt, alice().iterations);
  EXPECT_TRUE(server.finish(transcript.without_proof + ",p=" + reference_proof(salted, transcript)));
}

TEST(ScramServer, OffersBindingUnderTlsOnly) {
  EXPECT_THAT(ScramServer(alice(), true, "").mechanisms(), testing::ElementsAre(plain));
  EXPECT_THAT(ScramServer(alice(), true, end_point).mechanisms(), testing::ElementsAre(plus, plain));
}

TEST(ScramServer, RefusesAWrongPassword) {
  for (const char* password : {"Pencil", "", "pencil "}) {
    ScramServer server(alice(), true, "");
    ScramClient client(password, "", false);
    EXPECT_EQ(code_of(run(server, client)), "28P01") << password;
  }
}

// Who asks for a name that nobody has must see what a wrong password shows, message for message.
TEST(ScramServer, UnknownUsersLookLikeKnownOnes) {
  const ScramVerifier known = make_scram_verifier("pencil");
  const ScramVerifier mock = mock_scram_verifier("nobody", "secret");
  std::string shapes[2];
  Error errors[2];
  for (const bool exists : {true, false}) {
    ScramServer server(exists ? known : mock, exists, "");
    ScramClient client("wrong", "", false);
    const auto error = run(server, client,
                           {.client_first = {},
                            .server_first =
                                [&](std::string message) {
                                  for (const char c : message)
                                    shapes[exists] += std::isalnum(static_cast<unsigned char>(c)) ? 'x' : c;
                                  // The letters of base64 may be of either kind; what matters is their number.
                                  for (char& c : shapes[exists])
                                    if (c == '+' || c == '/') c = 'x';
                                  return message;
                                },
                            .client_final = {},
                            .server_final = {}});
    ASSERT_TRUE(error);
    errors[exists] = *error;
  }
  EXPECT_EQ(shapes[0], shapes[1]);
  EXPECT_EQ(errors[0].code().text(), "28P01");
  EXPECT_EQ(errors[1].code().text(), "28P01");
  EXPECT_EQ(errors[0].message(), errors[1].message());
  EXPECT_EQ(errors[0].hint(), errors[1].hint());
}

TEST(ScramServer, UnknownUsersDoNotComeInWhateverTheyProve) {
  ScramServer server(alice(), false, "");
  ScramClient client("pencil", "", false);
  EXPECT_EQ(code_of(run(server, client)), "28P01");
}

constexpr const char* three_passwords[] = {"pencil", "crayon", "chalk"};

std::shared_ptr<const ScramKeyring> three() {
  auto keyring = std::make_shared<ScramKeyring>(alice());
  for (const char* password : {three_passwords[1], three_passwords[2]})
    EXPECT_TRUE(keyring->add(make_scram_keys(password, keyring->salt, keyring->iterations)));
  return keyring;
}

TEST(ScramServer, AnyOfSeveralPasswordsWillDoAndItSaysWhich) {
  for (const std::string bind_to : {"", end_point}) {
    for (std::size_t i = 0; i < std::size(three_passwords); ++i) {
      ScramServer server(three(), true, bind_to);
      ScramClient client(three_passwords[i], bind_to, true);
      EXPECT_EQ(code_of(run(server, client)), "00000") << three_passwords[i];
      EXPECT_EQ(server.matched(), i);
    }
    for (const char* wrong : {"", "pencilcrayon", "Chalk"}) {
      ScramServer server(three(), true, bind_to);
      ScramClient client(wrong, bind_to, true);
      EXPECT_EQ(code_of(run(server, client)), "28P01") << wrong;
    }
  }
}

// The keys of one and the server key of another prove nothing to a client.
TEST(ScramServer, ProvesItselfWithTheKeyOfThePasswordThatCame) {
  auto mixed = std::make_shared<ScramKeyring>(*three());
  std::swap(mixed->keys[0].server_key, mixed->keys[1].server_key);
  ScramServer server(mixed, true, "");
  ScramClient client(three_passwords[1], "", false);
  EXPECT_EQ(code_of(run(server, client)), "08006");
}

TEST(ScramServer, NoPasswordsAtAllFailLikeAWrongOne) {
  auto none = std::make_shared<ScramKeyring>(*three());
  none->keys.clear();
  ScramServer server(none, true, "");
  ScramClient client("pencil", "", false);
  EXPECT_EQ(code_of(run(server, client)), "28P01");
}

TEST(ScramServer, RefusesABindingToAnotherCertificate) {
  ScramServer server(alice(), true, end_point);
  ScramClient client("pencil", "hash of somebody else's certificate", true);
  EXPECT_EQ(code_of(run(server, client)), "28000");
}

// Somebody in the middle who takes PLUS out of the offer is noticed: the client says that it could have bound.
TEST(ScramServer, NoticesADowngrade) {
  ScramServer server(alice(), true, end_point);
  ScramClient client("pencil", "", true);
  EXPECT_EQ(code_of(run(server, client)), "28000");
}

// … and rewriting the flag on the way does not help, because it stands again in the proved message.
TEST(ScramServer, NoticesARewrittenFlag) {
  ScramServer server(alice(), true, end_point);
  ScramClient client("pencil", "", true);
  const auto error = run(server, client,
                         {.client_first = [](std::string message) { return "n" + message.substr(1); },
                          .server_first = {},
                          .client_final = {},
                          .server_final = {}});
  EXPECT_EQ(code_of(error), "28000");
}

TEST(ScramServer, FlagAndMechanismMustAgree) {
  struct Case {
    const char* mechanism;
    const char* first;
    const char* offered;
    const char* code;
  };
  for (const Case& c : {Case{plain, "n,,n=,r=abc", "", "00000"},
                        {plain, "y,,n=,r=abc", "", "00000"},
                        {plain, "y,,n=,r=abc", end_point, "28000"},
                        {plain, "p=tls-server-end-point,,n=,r=abc", "", "08P01"},
                        {plain, "p=tls-server-end-point,,n=,r=abc", end_point, "08P01"},
                        {plus, "p=tls-server-end-point,,n=,r=abc", end_point, "00000"},
                        {plus, "p=tls-server-end-point,,n=,r=abc", "", "28000"},
                        {plus, "p=tls-unique,,n=,r=abc", end_point, "08P01"},
                        {plus, "p=,,n=,r=abc", end_point, "08P01"},
                        {plus, "n,,n=,r=abc", end_point, "08P01"},
                        {plus, "y,,n=,r=abc", end_point, "08P01"},
                        {"SCRAM-SHA-1", "n,,n=,r=abc", end_point, "28000"},
                        {"scram-sha-256", "n,,n=,r=abc", "", "28000"},
                        {"", "n,,n=,r=abc", "", "28000"},
                        {plain, "n,a=admin,n=,r=abc", "", "08P01"},
                        {plain, "n,,m=ext,n=,r=abc", "", "08P01"},
                        {plain, "n,,r=abc", "", "08P01"},
                        {plain, "n,,n=,r=", "", "08P01"},
                        {plain, "n,,n=,r=a c", "", "08P01"},
                        {plain, "n,,n=,r=a\xc3\xa4", "", "08P01"},
                        {plain, "x,,n=,r=abc", "", "08P01"},
                        {plain, "", "", "08P01"}}) {
    ScramServer server(alice(), true, c.offered);
    const auto answer = server.start(c.mechanism, c.first);
    EXPECT_EQ(answer ? "00000" : answer.error().code().text(), c.code) << c.mechanism << " " << c.first;
  }
}

TEST(ScramServer, MalformedFinalMessages) {
  ScramServer server(alice(), true, "");
  const auto server_first = server.start(plain, "n,,n=,r=abc");
  ASSERT_TRUE(server_first);
  const std::string nonce = attribute_of(*server_first, 'r');
  const std::string proof = base64_encode(std::string(32, 'x'));
  for (const std::string& message :
       {std::string(), std::string("c=biws"), "c=biws,r=" + nonce,
        "c=biws,r=" + nonce + ",p=", "r=" + nonce + ",c=biws,p=" + proof, "c=biws,r=abc,p=" + proof,
        "c=biws,r=" + nonce + "x,p=" + proof, "c=biws,r=" + nonce + ",p=" + base64_encode("short"),
        "c=biws,r=" + nonce + ",p=" + proof + ",p=", "c=biws,r=" + nonce + ",p=" + proof + "\n", ",p=" + proof,
        "c=biws,p=" + proof}) {
    const auto answer = server.finish(message);
    ASSERT_FALSE(answer) << message;
    EXPECT_EQ(answer.error().code().text(), "08P01") << message;
  }
  const auto bound = server.finish("c=eSws,r=" + nonce + ",p=" + proof);
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code().text(), "28000");
}

class ScramDamage : public testing::TestWithParam<const char*> {};

// Whatever is cut off or changed on the way, in whichever message, the exchange fails on one side or the other.
TEST_P(ScramDamage, NeverPasses) {
  using Change = std::function<std::string(std::string)> Tampering::*;
  for (const Change change :
       {&Tampering::client_first, &Tampering::server_first, &Tampering::client_final, &Tampering::server_final}) {
    // The messages of an exchange are random, but their lengths are not: each damage is described by place and change.
    std::string original;
    {
      ScramServer server(alice(), true, GetParam());
      ScramClient client("pencil", GetParam(), true);
      Tampering listen;
      listen.*change = [&](std::string message) { return original = std::move(message); };
      ASSERT_EQ(code_of(run(server, client, listen)), "00000");
    }
    const auto passes = [&](const std::function<std::string(std::string)>& damage) {
      ScramServer server(alice(), true, GetParam());
      ScramClient client("pencil", GetParam(), true);
      Tampering tampering;
      tampering.*change = damage;
      return !run(server, client, tampering);
    };
    for (std::size_t length = 0; length < original.size(); ++length) {
      EXPECT_FALSE(passes([length](const std::string& message) { return message.substr(0, length); })) << length;
    }
    for (std::size_t at = 0; at < original.size(); ++at) {
      for (int bits = 1; bits < 256; ++bits) {
        EXPECT_FALSE(passes([at, bits](std::string message) {
          message[at] = static_cast<char>(static_cast<unsigned char>(message[at]) ^ bits);
          return message;
        })) << original
            << " at " << at << " changed by " << bits;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Exchanges, ScramDamage, testing::Values("", end_point));

}  // namespace
}  // namespace dbgate::auth
