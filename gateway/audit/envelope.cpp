#include "gateway/audit/envelope.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <set>

namespace dbgate::audit {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Cms = std::unique_ptr<CMS_ContentInfo, decltype(&CMS_ContentInfo_free)>;

constexpr unsigned int flags = CMS_STREAM | CMS_PARTIAL | CMS_BINARY;

/// What a BIO reads from.
struct Reading {
  const Source& source;
  Result<> state = boost::system::in_place_value;
};

int read_source(BIO* bio, char* to, int bytes) {
  auto* const reading = static_cast<Reading*>(BIO_get_data(bio));
  if (!reading->state || bytes <= 0) return -1;
  const auto got = reading->source(to, static_cast<std::size_t>(bytes));
  if (got) return static_cast<int>(*got);
  reading->state = got.error();
  return -1;
}

long control_source(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int begin_source(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* source_method() {
  static const std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dbgate source");
    BIO_meth_set_read(made, read_source);
    BIO_meth_set_ctrl(made, control_source);
    BIO_meth_set_create(made, begin_source);
    return std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)>(made, BIO_meth_free);
  }();
  return method.get();
}

Bio bio_of(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free_all};
}

bool is_usable(X509* certificate) {
  static const std::set<std::string_view> groups{"prime256v1", "secp384r1", "secp521r1"};
  EVP_PKEY* const key = X509_get0_pubkey(certificate);
  std::array<char, 64> group{};
  std::size_t length = 0;
  return key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1 &&
         groups.contains(std::string_view(group.data(), length));
}

// SHA-256 in place of the SHA-1 that OpenSSL takes by itself.
bool add_recipient(CMS_ContentInfo* cms, X509* certificate) {
  CMS_RecipientInfo* const recipient = CMS_add1_recipient_cert(cms, certificate, flags | CMS_KEY_PARAM);
  EVP_PKEY_CTX* const context = recipient == nullptr ? nullptr : CMS_RecipientInfo_get0_pkey_ctx(recipient);
  return context != nullptr && EVP_PKEY_CTX_ctrl_str(context, "ecdh_kdf_md", "sha256") > 0;
}

int give_passphrase(char* to, int room, int, void* asked) {
  const std::string text = (*static_cast<const std::function<std::string()>*>(asked))();
  if (text.size() > static_cast<std::size_t>(room)) return -1;
  std::copy(text.begin(), text.end(), to);
  return static_cast<int>(text.size());
}

}  // namespace

Result<Recipients> Recipients::read(std::string_view pem) {
  const Bio bio = bio_of(pem);
  Recipients recipients;
  recipients.certificates_ = {sk_X509_new_null(), [](STACK_OF(X509) * all) { sk_X509_pop_free(all, X509_free); }};
  while (X509* const certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    sk_X509_push(recipients.certificates(), certificate);
    if (!is_usable(certificate))
      return Error(sqlstate::invalid_parameter_value, "has a certificate whose key is not on P-256, P-384 or P-521",
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 …");
  }
  const unsigned long last = ERR_peek_last_error();
  ERR_clear_error();
  if (sk_X509_num(recipients.certificates()) == 0 || ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
    return Error(sqlstate::invalid_parameter_value, "has no certificates in PEM, or damaged ones");
  return recipients;
}

std::vector<std::string> Recipients::names() const {
  std::vector<std::string> names;
  for (int i = 0; i < sk_X509_num(certificates()); ++i) {
    const Bio text(BIO_new(BIO_s_mem()), BIO_free_all);
    X509_NAME_print_ex(text.get(), X509_get_subject_name(sk_X509_value(certificates(), i)), 0, XN_FLAG_RFC2253);
    char* begin = nullptr;
    const long length = BIO_get_mem_data(text.get(), &begin);
    names.emplace_back(begin, static_cast<std::size_t>(length));
  }
  return names;
}

Result<> seal(const Source& source, int to, const Recipients& recipients) {
  const Error failed(sqlstate::io_error, "cannot seal");
  Reading reading{source};
  const Bio in(BIO_new(source_method()), BIO_free_all);
  const Bio out(BIO_new_fd(to, BIO_NOCLOSE), BIO_free_all);
  const Cms cms(CMS_encrypt(nullptr, nullptr, EVP_aes_256_gcm(), flags), CMS_ContentInfo_free);
  if (!in || !out || !cms) return failed;
  BIO_set_data(in.get(), &reading);
  for (int i = 0; i < sk_X509_num(recipients.certificates()); ++i)
    if (!add_recipient(cms.get(), sk_X509_value(recipients.certificates(), i))) return failed;
  const bool written = i2d_CMS_bio_stream(out.get(), cms.get(), in.get(), CMS_STREAM | CMS_BINARY) == 1;
  ERR_clear_error();
  if (!reading.state) return reading.state.error();
  if (!written || BIO_flush(out.get()) != 1) return failed;
  return boost::system::in_place_value;
}

Result<OpeningKey> OpeningKey::read(const std::string& pem, const std::function<std::string()>& passphrase) {
  const Bio bio = bio_of(pem);
  std::function<std::string()> ask = passphrase;
  OpeningKey key;
  key.key_ = {PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &ask), EVP_PKEY_free};
  ERR_clear_error();
  if (!key.key_) return Error(sqlstate::invalid_parameter_value, "is no private key in PEM, or has another passphrase");
  return key;
}

Result<> open_sealed(const std::string& path, const OpeningKey& key, int to) {
  const Bio in(BIO_new_file(path.c_str(), "rb"), BIO_free_all);
  if (!in) return Error(sqlstate::io_error, "cannot read " + path);
  const Bio out(BIO_new_fd(to, BIO_NOCLOSE), BIO_free_all);
  const Cms cms(d2i_CMS_bio(in.get(), nullptr), CMS_ContentInfo_free);
  const bool opened = cms && OBJ_obj2nid(CMS_get0_type(cms.get())) == NID_id_smime_ct_authEnvelopedData &&
                      CMS_decrypt(cms.get(), key.get(), nullptr, nullptr, out.get(), CMS_BINARY) == 1;
  ERR_clear_error();
  if (!cms) return Error(sqlstate::data_corrupted, path + " is cut off, or was not sealed by dbgate");
  if (!opened || BIO_flush(out.get()) != 1)
    return Error(sqlstate::invalid_authorization_specification, path + " was sealed for somebody else, or was changed");
  return boost::system::in_place_value;
}

}  // namespace dbgate::audit
