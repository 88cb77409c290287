#include "gateway/auth/scram_client.h"

#include <gtest/gtest.h>

#include "tests/unit/auth/exchange.h"

namespace dbgate::auth {
namespace {

constexpr const char* salt_text = "W22ZaJ0SNY7soEsUEjb6gQ==";

/// A client that has said its first message.
struct Begun {
  explicit Begun(std::string end_point = {}, bool could_bind = false)
      : client("pencil", std::move(end_point), could_bind),
        first(client.client_first()),
        bare(first.substr(first.find(",,") + 2)),
        nonce(attribute_of(bare, 'r')) {}
  std::string server_first(int iterations = 1) const {
    return "r=" + nonce + "SERVER,s=" + salt_text + ",i=" + std::to_string(iterations);
  }

  ScramClient client;
  std::string first;
  std::string bare;
  std::string nonce;
};

TEST(ScramClient, SaysWhatItCouldBindTo) {
  EXPECT_TRUE(Begun().first.starts_with("n,,n=,r="));
  EXPECT_TRUE(Begun("", true).first.starts_with("y,,n=,r="));
  EXPECT_TRUE(Begun("hash", true).first.starts_with("p=tls-server-end-point,,n=,r="));
  EXPECT_EQ(Begun().client.mechanism(), "SCRAM-SHA-256");
  EXPECT_EQ(Begun("hash").client.mechanism(), "SCRAM-SHA-256-PLUS");
  EXPECT_EQ(Begun().nonce.size(), 24u);
  EXPECT_NE(Begun().nonce, Begun().nonce);
}

TEST(ScramClient, ProvesAndChecks) {
  const std::string salted = salted_password("pencil", base64_decode(salt_text), 4096);
  for (const char* end_point : {"", "hash of a certificate"}) {
    Begun begun(end_point);
    Transcript transcript{begun.bare, begun.server_first(4096), {}};
    const auto final = begun.client.on_server_first(transcript.server_first);
    ASSERT_TRUE(final);
    const std::size_t proof_at = final->find(",p=");
    transcript.without_proof = final->substr(0, proof_at);
    const std::string header = *end_point == '\0' ? "n,," : "p=tls-server-end-point,,";
    EXPECT_EQ(transcript.without_proof, "c=" + base64_encode(header + end_point) + ",r=" + begun.nonce + "SERVER");
    EXPECT_EQ(final->substr(proof_at + 3), reference_proof(salted, transcript));
    const std::string signature = reference_signature(salted, transcript);
    EXPECT_TRUE(begun.client.on_server_final("v=" + signature));
    each_damage("v=" + signature,
                [&](const std::string& text) { EXPECT_FALSE(begun.client.on_server_final(text)) << text; });
    EXPECT_FALSE(begun.client.on_server_final("e=other-error"));
  }
}

// A server that does not know the verifier cannot let the client in.
TEST(ScramClient, RefusesAServerThatDidNotProve) {
  Begun begun;
  EXPECT_FALSE(begun.client.on_server_final("v="));
  ASSERT_TRUE(begun.client.on_server_first(begun.server_first()));
  EXPECT_FALSE(begun.client.on_server_final("v="));
  const auto answer = begun.client.on_server_final("v=" + base64_encode(std::string(32, '\0')));
  ASSERT_FALSE(answer);
  const Error error = answer.error();
  EXPECT_EQ(error.code().text(), "08006");
  EXPECT_EQ(error.message().find("pencil"), std::string::npos);
}

TEST(ScramClient, CapsAHostileServer) {
  const std::string salt = std::string(",s=") + salt_text;
  const std::string longest = base64_encode(std::string(256, 's'));
  const std::string too_long = base64_encode(std::string(257, 's'));
  for (const std::string& rest :
       {"X" + salt + ",i=0", "X" + salt + ",i=-1", "X" + salt + ",i=100001", "X" + salt + ",i=99999999999",
        "X" + salt + ",i=", "X" + salt + ",i=1x", "X" + salt + ",i= 1", salt + ",i=1", "X\x7f" + salt + ",i=1",
        "X " + salt + ",i=1", std::string(512, 'x') + salt + ",i=1", std::string("X,s=,i=1"), std::string("X,s=QQ,i=1"),
        "X,s=" + too_long + ",i=1", "X,i=1" + salt, "X,m=ext" + salt + ",i=1", std::string("X,i=1")}) {
    Begun begun;
    const auto answer = begun.client.on_server_first("r=" + begun.nonce + rest);
    ASSERT_FALSE(answer) << rest;
    EXPECT_EQ(answer.error().code().text(), "08006");
  }
  for (const std::string& rest : {"X" + salt + ",i=1", "X" + salt + ",i=1,ext=1", "X,s=" + longest + ",i=1"}) {
    Begun begun;
    EXPECT_TRUE(begun.client.on_server_first("r=" + begun.nonce + rest)) << rest;
  }
  Begun foreign;
  EXPECT_FALSE(foreign.client.on_server_first(Begun().server_first()));
}

TEST(ScramClient, KeepsToTheOrder) {
  ScramClient silent("pencil", "", false);
  EXPECT_FALSE(silent.on_server_first(Begun().server_first()));
  Begun begun;
  ASSERT_TRUE(begun.client.on_server_first(begun.server_first()));
  EXPECT_FALSE(begun.client.on_server_first(begun.server_first()));
}

}  // namespace
}  // namespace dbgate::auth
