#include "gateway/net/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <memory>
#include <utility>

namespace dbgate::net {
namespace {

using testing::ElementsAre;
using namespace std::string_literals;

struct FreeCertificate {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
using CertificatePtr = std::unique_ptr<X509, FreeCertificate>;

/// A certificate with these alternative names, by kind (GEN_…) and bytes.
CertificatePtr with_names(const std::vector<std::pair<int, std::string>>& names) {
  CertificatePtr certificate(X509_new());
  GENERAL_NAMES* const list = sk_GENERAL_NAME_new_null();
  for (const auto& [kind, text] : names) {
    ASN1_IA5STRING* const value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, text.data(), static_cast<int>(text.size()));
    GENERAL_NAME* const name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, kind, value);
    sk_GENERAL_NAME_push(list, name);
  }
  X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT);
  sk_GENERAL_NAME_pop_free(list, GENERAL_NAME_free);
  return certificate;
}

TEST(Certificate, TellsItsAlternativeNames) {
  const auto certificate = with_names({{GEN_DNS, "Host.Example"}, {GEN_URI, "spiffe://a/b"}, {GEN_EMAIL, "a@b"}});
  EXPECT_THAT(describe_certificate(*certificate).names,
              ElementsAre("dns:Host.Example", "uri:spiffe://a/b", "email:a@b"));
}

TEST(Certificate, LeavesOutWhatMayBeReadInTwoWays) {
  const auto certificate = with_names({{GEN_DNS, "good.example\0.evil.example"s}, {GEN_URI, "\0"s}, {GEN_EMAIL, ""}});
  EXPECT_THAT(describe_certificate(*certificate).names, ElementsAre("email:"));
}

TEST(Certificate, TheCommonNameIsNone) {
  const auto certificate = with_names({});
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("admin"), -1, -1, 0);
  EXPECT_THAT(describe_certificate(*certificate).names, ElementsAre());
}

TEST(Certificate, TakesSoManyNamesAndNoMore) {
  const auto certificate = with_names(std::vector<std::pair<int, std::string>>(1000, {GEN_DNS, "x"}));
  EXPECT_EQ(describe_certificate(*certificate).names.size(), 64u);
}

TEST(Certificate, TellsWhenItEnds) {
  const auto certificate = with_names({});
  ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "20300102030405Z");
  EXPECT_EQ(describe_certificate(*certificate).not_after, 1893553445);
}

}  // namespace
}  // namespace dbgate::net
