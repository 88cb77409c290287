#include "gateway/auth/digests.h"

#include <gtest/gtest.h>

#include "gateway/auth/random.h"
#include "tests/unit/auth/exchange.h"

namespace dbgate::auth {
namespace {

std::string hex(std::string_view raw) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : raw) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

TEST(Digests, KnownAnswers) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // RFC 4231, test case 2.
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(md5_hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST(Digests, SaltedPassword) {
  const std::string salt = base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==");
  EXPECT_EQ(hex(salted_password("pencil", salt, 4096)),
            "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
  EXPECT_EQ(salted_password("", salt, 1).size(), 32u);
}

// RFC 7677 §3: the exchange as a whole.
TEST(Digests, ExampleExchangeOfRfc7677) {
  const Transcript transcript = {
      "n=user,r=rOprNGfwEbeRWgbNEkqO",
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"};
  const std::string salted = salted_password("pencil", base64_decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
  EXPECT_EQ(reference_proof(salted, transcript), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_EQ(reference_signature(salted, transcript), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Digests, ComparesWholeTexts) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time(std::string_view("a\0b", 3), std::string_view("a\0b", 3)));
  EXPECT_FALSE(equal_constant_time(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_constant_time("", "a"));
}

TEST(Digests, ExclusiveOrKeepsTheLengthOfTheFirst) {
  EXPECT_EQ(exclusive_or("ab", std::string_view("\x01\x02\x03", 3)), "``");
  EXPECT_EQ(exclusive_or("abc", std::string_view("\x01", 1)), "`bc");
}

TEST(Digests, RandomBytesDiffer) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(18).size(), 18u);
  EXPECT_NE(random_bytes(18), random_bytes(18));
}

TEST(Base64, RoundTrip) {
  std::string data;
  for (int c = 0; c < 256; ++c) {
    data += static_cast<char>(c);
    EXPECT_EQ(base64_decode(base64_encode(data)), data);
  }
  EXPECT_EQ(base64_encode("pleasure."), "cGxlYXN1cmUu");
  EXPECT_EQ(base64_encode("leasure."), "bGVhc3VyZS4=");
  EXPECT_EQ(base64_encode(""), "");
}

// More than one spelling of the same bytes would let a changed message pass as the original.
TEST(Base64, OneSpellingOnly) {
  for (const char* text :
       {"",       "QQ",     "QQ=",   "QR==",     "QUJ=", "QQ===", "=QQ=", "Q=Q=",       "====", " QQ=",
        "QQ==\n", "\nQQ==", "QQ== ", "QUI=QUI=", "QQ=A", "Q\nQ=", "Q-_=", "QQ\xc3\xa4", "    ", "QQ==QQ=="}) {
    EXPECT_EQ(base64_decode(text), "") << text;
  }
  EXPECT_EQ(base64_decode(std::string_view("QQ\0=", 4)), "");
}

TEST(Base64, HasALimit) {
  EXPECT_EQ(base64_decode(std::string(1024, 'A')), std::string(768, '\0'));
  EXPECT_EQ(base64_decode(std::string(1028, 'A')), "");
}

}  // namespace
}  // namespace dbgate::auth
