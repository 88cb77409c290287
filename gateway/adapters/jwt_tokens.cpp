#include "gateway/adapters/jwt_tokens.h"

#include <fcntl.h>
#include <jwt.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <mutex>

#include "gateway/base/ids.h"

namespace dbgate::adapters {
namespace {

constexpr const char* issuer = "dbgate";
constexpr const char* audience = "dbgate-api";
constexpr std::size_t max_token_bytes = 4096;

struct FreeJwt {
  void operator()(jwt_t* token) const noexcept { jwt_free(token); }
};
using Jwt = std::unique_ptr<jwt_t, FreeJwt>;
struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
struct FreeBio {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string private_pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

std::string public_pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key);
  return text_of(bio.get());
}

Error unusable(const std::string& path) {
  return {sqlstate::io_error, "cannot use " + path};
}

Result<Key> load_key(const std::string& path) {
  std::ifstream existing(path);
  if (existing) {
    const std::string pem(std::istreambuf_iterator<char>(existing), {});
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    if (!key) return unusable(path);
    return key;
  }
  Key key(EVP_EC_gen("P-256"));
  const std::string pem = key ? private_pem(key.get()) : std::string();
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = file >= 0 && ::write(file, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size());
  if (file >= 0) ::close(file);
  if (!key || !written) return unusable(path);
  return key;
}

std::string grant(jwt_t* token, const char* name) {
  const char* value = jwt_get_grant(token, name);
  return value == nullptr ? std::string() : std::string(value);
}

const unsigned char* bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

class JwtTokens final : public ports::Tokens {
 public:
  JwtTokens(const Key& key, std::string revoked_path)
      : private_(private_pem(key.get())), public_(public_pem(key.get())), revoked_path_(std::move(revoked_path)) {
    std::ifstream list(revoked_path_);
    std::string id;
    std::int64_t expires = 0;
    while (list >> id >> expires) {
      if (expires > std::time(nullptr)) revoked_[id] = expires;
    }
  }

  Result<std::string> issue(std::string_view user, std::chrono::seconds lifetime) override;
  Result<ports::TokenClaims> verify(std::string_view token) override;
  Result<> revoke(const ports::TokenClaims& claims) override;

 private:
  std::string private_;
  std::string public_;
  std::string revoked_path_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t, std::less<>> revoked_;
};

Result<std::string> JwtTokens::issue(std::string_view user, std::chrono::seconds lifetime) {
  const Error failed(sqlstate::internal_error, "cannot make a token");
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) return failed;
  const Jwt token(raw);
  const long now = std::time(nullptr);
  jwt_add_grant(raw, "iss", issuer);
  jwt_add_grant(raw, "aud", audience);
  jwt_add_grant(raw, "sub", std::string(user).c_str());
  jwt_add_grant(raw, "jti", make_id("tok_").c_str());
  jwt_add_grant_int(raw, "iat", now);
  jwt_add_grant_int(raw, "nbf", now);
  jwt_add_grant_int(raw, "exp", now + lifetime.count());
  if (jwt_set_alg(raw, JWT_ALG_ES256, bytes(private_), static_cast<int>(private_.size())) != 0) return failed;
  char* encoded = jwt_encode_str(raw);
  if (encoded == nullptr) return failed;
  std::string text(encoded);
  std::free(encoded);
  return text;
}

Result<ports::TokenClaims> JwtTokens::verify(std::string_view token) {
  const Error refused(sqlstate::invalid_authorization_specification, "the token is not valid");
  if (token.size() > max_token_bytes || token.find('\0') != std::string_view::npos) return refused;
  jwt_t* raw = nullptr;
  const std::string text(token);
  if (jwt_decode(&raw, text.c_str(), bytes(public_), static_cast<int>(public_.size())) != 0) return refused;
  const Jwt decoded(raw);
  // The header names the algorithm, and anybody writes the header: only ours counts (RFC 8725 §3.1).
  if (jwt_get_alg(raw) != JWT_ALG_ES256) return refused;
  ports::TokenClaims claims;
  claims.user = grant(raw, "sub");
  claims.id = grant(raw, "jti");
  claims.expires = jwt_get_grant_int(raw, "exp");
  const std::int64_t now = std::time(nullptr);
  const bool in_force = claims.expires > now && jwt_get_grant_int(raw, "nbf") <= now + 1;
  if (!in_force || grant(raw, "iss") != issuer || grant(raw, "aud") != audience) return refused;
  if (claims.user.empty() || claims.id.empty()) return refused;
  const std::lock_guard lock(mutex_);
  if (revoked_.contains(claims.id)) return refused;
  return claims;
}

Result<> JwtTokens::revoke(const ports::TokenClaims& claims) {
  const std::lock_guard lock(mutex_);
  std::erase_if(revoked_, [](const auto& entry) { return entry.second <= std::time(nullptr); });
  revoked_[claims.id] = claims.expires;
  const std::string temporary = revoked_path_ + ".new";
  std::ofstream list(temporary, std::ios::trunc);
  for (const auto& [id, expires] : revoked_)
    list << id << ' ' << expires << '\n';
  list.close();
  if (!list || std::rename(temporary.c_str(), revoked_path_.c_str()) != 0) return unusable(revoked_path_);
  return boost::system::in_place_value;
}

}  // namespace

Result<std::unique_ptr<ports::Tokens>> open_jwt_tokens(const std::string& directory) {
  DBGATE_TRY(const Key key, load_key(directory + "/token.key"));
  return std::unique_ptr<ports::Tokens>(std::make_unique<JwtTokens>(key, directory + "/revoked-tokens"));
}

}  // namespace dbgate::adapters
