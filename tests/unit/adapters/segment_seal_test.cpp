#include "gateway/adapters/segment_seal.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "gateway/audit/sealed_segment.h"
#include "gateway/audit/sha256.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/proof/written_log.h"

namespace dbgate::adapters {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::atomic<bool> never{false};
namespace fs = std::filesystem;

std::string text_of(BIO* bio) {
  char* begin = nullptr;
  const long length = BIO_get_mem_data(bio, &begin);
  return {begin, static_cast<std::size_t>(length)};
}

/// Somebody with a key.
struct Auditor {
  std::string certificate, key;
  explicit Auditor(const char* group = "P-256") {
    EVP_PKEY* const pair = EVP_EC_gen(group);
    X509* const made = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), 0);
    X509_gmtime_adj(X509_getm_notAfter(made), 60);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>("auditor"), -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(made));
    X509_set_pubkey(made, pair);
    X509_sign(made, pair, EVP_sha256());
    BIO* const out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, made);
    certificate = text_of(out);
    BIO_reset(out);
    PEM_write_bio_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr);
    key = text_of(out);
    BIO_free_all(out);
    X509_free(made);
    EVP_PKEY_free(pair);
  }
  audit::Recipients recipients() const { return *audit::Recipients::read(certificate); }
  audit::OpeningKey opening() const {
    return *audit::OpeningKey::read(key, [] { return std::string(); });
  }
};

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_whole(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A closed segment of several frames that names a text, which is longer than one.
class Seal : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int n = 0; n < 12; ++n)
      log_.append("w0", "admin.change", ",\"object\":\"" + noise(40'000) + "\"");
    fs::create_directories(log_.directory() + "/blobs");
    write_whole(text_path(log_.directory()), text_);
    log_.append("w0", "statement.decided", ",\"db.query.text_sha256\":\"" + audit::sha256_hex(text_) + "\"");
    log_.turn("w0");
    log_.add("w0", 3);
    fs::create_directories(clear_ + "/blobs");
  }
  std::string noise(std::size_t bytes) {
    std::string text;
    while (text.size() < bytes)
      text += std::to_string(random_());
    return text;
  }
  std::string text_path(const std::string& directory) const { return directory + "/blobs/" + audit::sha256_hex(text_); }
  Result<std::string> seal() { return seal_segment(log_.directory(), "w0", 1, auditor_.recipients(), never); }
  std::string sealed() const { return audit::sealed_path(log_.directory(), "w0", 1); }
  Result<> unseal(const Auditor& who) {
    const std::string opened = clear_ + "/opened";
    const int file = ::open(opened.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const auto done = audit::open_sealed(sealed(), who.opening(), file);
    ::close(file);
    return done ? audit::restore_segment(opened, clear_, "w0", 1) : done;
  }

  std::minstd_rand random_{1};
  std::string text_ = "SELECT '\xff" + std::string(1, '\0') + noise(300'000) + "'";
  proof::WrittenLog log_;
  tests::TempDirectory place_;
  std::string clear_ = place_.path() + "/clear";
  Auditor auditor_;
};

TEST_F(Seal, GivesBackEveryByte) {
  const auto hash = seal();
  ASSERT_TRUE(hash) << hash.error().message();
  EXPECT_EQ(*hash, audit::sha256_hex(read_whole(sealed())));
  EXPECT_EQ(audit::list_sealed(log_.directory()).size(), 1u);
  EXPECT_FALSE(fs::exists(sealed() + ".new"));
  ASSERT_TRUE(unseal(auditor_));
  EXPECT_EQ(read_whole(audit::segment_path(clear_, "w0", 1)),
            read_whole(audit::segment_path(log_.directory(), "w0", 1)));
  EXPECT_EQ(read_whole(text_path(clear_)), text_);
}

TEST_F(Seal, IsForItsRecipientsAlone) {
  const Auditor other("P-384"), third("P-521");
  ASSERT_TRUE(seal());
  EXPECT_THAT(unseal(other).error().message(), HasSubstr("was sealed for somebody else"));
  const auto both = audit::Recipients::read(other.certificate + auditor_.certificate);
  ASSERT_TRUE(both);
  EXPECT_THAT(both->names(), ElementsAre("CN=auditor", "CN=auditor"));
  ASSERT_TRUE(seal_segment(log_.directory(), "w0", 1, *both, never));
  EXPECT_TRUE(unseal(auditor_));
  EXPECT_TRUE(unseal(other));
  EXPECT_FALSE(unseal(third));
}

TEST_F(Seal, IsNotOpenedWhenItWasChanged) {
  ASSERT_TRUE(seal());
  const std::string good = read_whole(sealed());
  for (std::size_t at = 0; at < good.size(); at += good.size() / 50) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    write_whole(sealed(), changed);
    // A bit of a name or number that nobody needs does not matter; the content is that which was sealed, or none.
    if (unseal(auditor_)) {
      EXPECT_LT(at, 600u);
      EXPECT_EQ(read_whole(text_path(clear_)), text_);
    }
    write_whole(sealed(), std::string_view(good).substr(0, at));
    EXPECT_FALSE(unseal(auditor_)) << at;
  }
}

TEST_F(Seal, IsRefusedWithoutATextThatItNames) {
  write_whole(text_path(log_.directory()), "SELECT 2");
  EXPECT_THAT(seal().error().message(), HasSubstr("is missing or was changed"));
  fs::remove(text_path(log_.directory()));
  EXPECT_EQ(seal().error().code(), sqlstate::data_corrupted);
  EXPECT_FALSE(fs::exists(sealed()));
  EXPECT_FALSE(fs::exists(sealed() + ".new"));
  write_whole(text_path(log_.directory()) + ".leaving", text_);
  EXPECT_TRUE(seal());
}

TEST_F(Seal, StopsWhenTold) {
  const std::atomic<bool> now{true};
  EXPECT_EQ(seal_segment(log_.directory(), "w0", 1, auditor_.recipients(), now).error().code(),
            sqlstate::query_canceled);
  EXPECT_TRUE(audit::list_sealed(log_.directory()).empty());
}

TEST(Recipients, AreCertificatesOnNamedCurves) {
  const Auditor auditor;
  EXPECT_FALSE(audit::Recipients::read(""));
  EXPECT_FALSE(audit::Recipients::read(auditor.key));
  EXPECT_FALSE(audit::Recipients::read(auditor.certificate.substr(0, auditor.certificate.size() / 2)));
  EXPECT_FALSE(audit::Recipients::read(auditor.certificate + auditor.certificate.substr(0, 200)));
  EXPECT_FALSE(audit::Recipients::read(Auditor("secp256k1").certificate));
  EXPECT_TRUE(audit::Recipients::read("a comment\n" + auditor.certificate + "\n"));
}

}  // namespace
}  // namespace dbgate::adapters
