#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/certificate_names.h"
#include "config/loader.h"
#include "tests/support/temp_directory.h"

namespace dbgate::config {
namespace {

using testing::ElementsAre;

std::vector<std::string> problems_of(const Loaded& loaded) {
  std::vector<std::string> texts;
  for (const Problem& problem : loaded.problems)
    texts.push_back(problem.line_text());
  return texts;
}

/// A configuration whose PostgreSQL listener has TLS and asks for client certificates.
class SignIn : public testing::Test {
 protected:
  SignIn() {
    for (const char* file : {"c", "k", "a"})
      tests::write_file(directory_.file(file), "x");
  }
  Loaded load(const std::string& users, const std::string& tls = "cert_file: c, key_file: k, client_ca_file: a") const {
    return load_text("version: 1\nlisten: { postgres: { tls: { " + tls + " } } }\nusers:\n" + users, "f.yaml",
                     directory_.path());
  }
  tests::TempDirectory directory_;
};

TEST_F(SignIn, CertificatesAndTokensAreRead) {
  const Loaded loaded = load(
      "  - { name: svc, certificates: [\"uri:spiffe://corp/svc\", \"dns:DB.Example\", \"email:Ops@Example.ORG\"] }\n"
      "  - { name: agent, wire: token, certificates: [\"dns:agent\"] }\n");
  ASSERT_TRUE(loaded.config) << problems_of(loaded).front();
  EXPECT_THAT(problems_of(loaded), ElementsAre());
  const User& svc = loaded.config->users[0];
  EXPECT_THAT(svc.certificates, ElementsAre("uri:spiffe://corp/svc", "dns:db.example", "email:Ops@example.org"));
  EXPECT_EQ(svc.wire, WireSignIn::password);
  EXPECT_EQ(loaded.config->users[1].wire, WireSignIn::token);
}

TEST_F(SignIn, MistakesAreNamed) {
  EXPECT_THAT(problems_of(load("  - { name: a, certificates: [cn:a] }\n")),
              ElementsAre("f.yaml:4:31: error: users[0].certificates[0]: must be one name of a certificate: uri:…, "
                          "dns:host or email:somebody@host"));
  EXPECT_THAT(problems_of(load("  - { name: a, certificates: [\"dns:x\"] }\n  - { name: b, certificates: [\"dns:X\"] "
                               "}\n")),
              ElementsAre("f.yaml:5:31: error: users[1].certificates[0]: stands for user \"a\" already"));
  EXPECT_THAT(problems_of(load("  - { name: a, certificates: [\"dns:x\", \"dns:x\"] }\n")),
              ElementsAre("f.yaml:4:40: error: users[0].certificates[1]: stands for user \"a\" already"));
  EXPECT_THAT(problems_of(load("  - { name: a, certificates: \"dns:x\" }\n")),
              ElementsAre("f.yaml:4:30: error: users[0].certificates: must be a list",
                          "f.yaml:4:5: error: users[0]: needs scram_verifier or certificates; make a verifier with: "
                          "dbgate-gateway scram-verifier"));
  EXPECT_THAT(problems_of(load("  - { name: a, wire: cookie, scram_verifier: SCRAM-SHA-256$x }\n")),
              ElementsAre("f.yaml:4:22: error: users[0].wire: \"cookie\" is not one of: password, token"));
}

TEST_F(SignIn, WhatCannotWorkIsWarnedOf) {
  const Loaded plain = load("  - { name: a, certificates: [\"dns:x\"] }\n", "cert_file: c, key_file: k");
  EXPECT_TRUE(plain.config);
  EXPECT_THAT(
      problems_of(plain),
      ElementsAre("f.yaml:4:30: warning: users[0].certificates: no listener has tls.client_ca_file, so that nobody "
                  "is asked for one"));
  const Loaded clear =
      load_text("version: 1\nusers: [ { name: a, wire: token, scram_verifier: SCRAM-SHA-256$x } ]\n", "f.yaml", "/");
  EXPECT_TRUE(clear.config);
  EXPECT_THAT(problems_of(clear), ElementsAre("f.yaml:2:27: warning: users[0].wire: a token is sent inside TLS only, "
                                              "and listen.postgres has no tls"));
}

TEST(CertificateNames, HaveOneSpelling) {
  EXPECT_EQ(normal_certificate_name("dns:A.Example"), "dns:a.example");
  EXPECT_EQ(normal_certificate_name("email:A.B@C.Example"), "email:A.B@c.example");
  EXPECT_EQ(normal_certificate_name("email:\"a@b\"@C"), "email:\"a@b\"@c");
  EXPECT_EQ(normal_certificate_name("uri:SPIFFE://Corp/Svc*"), "uri:SPIFFE://Corp/Svc*");
}

TEST(CertificateNames, RefuseWhatIsNoneOrStandsForMany) {
  using namespace std::string_literals;
  for (const std::string& name :
       {""s, "dns:"s, "dns"s, "cn:host"s, "DNS:host"s, "dns:*.example"s, "dns:a b"s, "dns:a\0b"s, "dns:a\n"s,
        "dns:a@b"s, "dns:h\xc3\xa4"s, "email:a"s, "email:@b"s, "email:a@"s, "email:*@b"s, "uri:nothing"s, "uri:a:\x7f"s,
        "dns:" + std::string(1021, 'a')})
    EXPECT_EQ(normal_certificate_name(name), "") << name;
  EXPECT_NE(normal_certificate_name("dns:" + std::string(1020, 'a')), "");
}

}  // namespace
}  // namespace dbgate::config
