#include "gateway/auth/sasl_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/auth/scram_client.h"
#include "protocol/postgres/authentication_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"

namespace dbgate::auth {
namespace {

using namespace std::string_literals;
using protocol::as_bytes;
using protocol::as_text;
using protocol::Bytes;
using protocol::encoded;
namespace backend = protocol::backend;
namespace frontend = protocol::frontend;

const ScramVerifier& alice() {
  static const ScramVerifier verifier = make_scram_verifier("pencil", 1);
  return verifier;
}

Bytes body_of(const std::string& message) {
  return as_bytes(message).subspan(protocol::MessageHeader::bytes);
}

std::string initial(ScramClient& client) {
  const std::string first = client.client_first();
  return encoded(frontend::SASLInitialResponse{client.mechanism(), as_bytes(first)});
}

std::string code_of(const Result<std::string>& result) {
  return result ? "00000" : std::string(result.error().code().text());
}

TEST(SaslServer, RunsADialogueToItsEnd) {
  for (const std::string& end_point : {""s, "hash of the certificate"s}) {
    SaslServer server(alice(), true, end_point);
    ScramClient client("pencil", end_point, true);
    const std::string offer = server.offer();
    const auto request = backend::AuthenticationSASL::decode(body_of(offer));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->mechanisms.size(), end_point.empty() ? 1u : 2u);
    EXPECT_EQ(*request->mechanisms.begin(), client.mechanism());
    EXPECT_EQ(server.method(), "");

    const auto challenge = server.on_response(body_of(initial(client)));
    ASSERT_TRUE(challenge);
    EXPECT_EQ(server.method(), end_point.empty() ? "scram-sha-256" : "scram-sha-256-plus");
    EXPECT_FALSE(server.finished());
    const auto first = backend::AuthenticationSASLContinue::decode(body_of(*challenge));
    ASSERT_TRUE(first);
    const auto proof = client.on_server_first(as_text(first->data));
    ASSERT_TRUE(proof);

    const auto last = server.on_response(as_bytes(*proof));
    ASSERT_TRUE(last);
    EXPECT_TRUE(server.finished());
    const auto final = backend::AuthenticationSASLFinal::decode(body_of(*last));
    ASSERT_TRUE(final);
    EXPECT_TRUE(client.on_server_final(as_text(final->data)));
    EXPECT_EQ(code_of(server.on_response(as_bytes(*proof))), "08P01");
    EXPECT_FALSE(server.finished());
  }
}

TEST(SaslServer, SaysWhichPasswordItWas) {
  auto keyring = std::make_shared<ScramKeyring>(alice());
  ASSERT_TRUE(keyring->add(make_scram_keys("crayon", keyring->salt, keyring->iterations)));
  SaslServer server(keyring, true, "");
  ScramClient client("crayon", "", false);
  const auto challenge = server.on_response(body_of(initial(client)));
  ASSERT_TRUE(challenge);
  const auto first = backend::AuthenticationSASLContinue::decode(body_of(*challenge));
  const auto proof = client.on_server_first(as_text(first->data));
  ASSERT_TRUE(server.on_response(as_bytes(*proof)));
  EXPECT_EQ(server.matched(), 1u);
}

TEST(SaslServer, AWrongPasswordDoesNotFinish) {
  SaslServer server(alice(), true, "");
  ScramClient client("crayon", "", false);
  const auto challenge = server.on_response(body_of(initial(client)));
  ASSERT_TRUE(challenge);
  const auto first = backend::AuthenticationSASLContinue::decode(body_of(*challenge));
  const auto proof = client.on_server_first(as_text(first->data));
  EXPECT_EQ(code_of(server.on_response(as_bytes(*proof))), "28P01");
  EXPECT_FALSE(server.finished());
  EXPECT_EQ(code_of(server.on_response(as_bytes(*proof))), "08P01") << "one attempt";
}

TEST(SaslServer, RefusesMalformedInitialResponses) {
  const std::string good = "SCRAM-SHA-256\0\0\0\0\x08n,,n=,r="s;
  for (const std::string& body :
       {""s, "SCRAM-SHA-256"s, "SCRAM-SHA-256\0"s, "SCRAM-SHA-256\0\xff\xff\xff\xff"s,
        "SCRAM-SHA-256\0\xff\xff\xff\xfen"s, "SCRAM-SHA-256\0\0\0\0\x09n,,n=,r="s, good + "x", good}) {
    SaslServer server(alice(), true, "");
    EXPECT_EQ(code_of(server.on_response(as_bytes(body))), "08P01") << body;
    EXPECT_FALSE(server.finished());
  }
  SaslServer server(alice(), true, "");
  EXPECT_EQ(code_of(server.on_response(as_bytes("EXTERNAL\0\0\0\0\0"s))), "28000");
}

TEST(SaslServer, TakesPasswordMessagesOfModestLengthOnly) {
  const auto length = [](std::string_view header) {
    const auto result = SaslServer::response_length(as_bytes(header));
    return result ? std::to_string(*result) : std::string(result.error().code().text());
  };
  EXPECT_EQ(length("p\0\0\0\x04"s), "0");
  EXPECT_EQ(length("p\0\0\x10\x04"s), "4096");
  for (const std::string& header : {"p\0\0\x10\x05"s, "p\0\0\0\x03"s, "p\xff\xff\xff\xff"s, "Q\0\0\0\x08"s, "p\0\0\0"s})
    EXPECT_EQ(length(header), "08P01");
}

}  // namespace
}  // namespace dbgate::auth
