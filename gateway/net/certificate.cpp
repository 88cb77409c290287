#include "gateway/net/certificate.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>

#include "gateway/base/hex.h"

namespace dbgate::net {
namespace {

constexpr int most_names = 64;

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};

std::string sha256_of(const X509& certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  if (X509_digest(&certificate, EVP_sha256(), hash.data(), &length) != 1) return {};
  return to_hex({reinterpret_cast<const char*>(hash.data()), length});
}

const char* kind_of(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_DNS:
      return "dns:";
    case GEN_URI:
      return "uri:";
    case GEN_EMAIL:
      return "email:";
    default:
      return nullptr;
  }
}

}  // namespace

PeerCertificate describe_certificate(const x509_st& certificate) {
  PeerCertificate described;
  described.sha256 = sha256_of(certificate);
  std::tm until{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &until) == 1) described.not_after = ::timegm(&until);
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return described;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()) && i < most_names; ++i) {
    const GENERAL_NAME& name = *sk_GENERAL_NAME_value(names.get(), i);
    const char* const kind = kind_of(name);
    if (kind == nullptr) continue;
    const ASN1_IA5STRING* const value = name.d.ia5;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                static_cast<std::size_t>(ASN1_STRING_length(value)));
    if (text.find('\0') == std::string_view::npos) described.names.push_back(kind + std::string(text));
  }
  return described;
}

}  // namespace dbgate::net
