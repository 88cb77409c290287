#include "gateway/proof/note.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <charconv>
#include <cstdlib>

#include "gateway/auth/digests.h"
#include "gateway/base/hex.h"

namespace dbgate::proof {
namespace {

constexpr std::size_t public_bytes = 32;
constexpr std::size_t signature_bytes = 64;
constexpr std::size_t id_bytes = 4;
constexpr char ed25519_type = 0x01;  // signed-note, "Signature types"
constexpr std::string_view signature_mark = "\xe2\x80\x94 ";
constexpr std::string_view time_mark = "time ";

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

std::shared_ptr<EVP_PKEY> shared(EVP_PKEY* key) {
  return {key, EVP_PKEY_free};
}

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string contents_of(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(bytes)};
}

// The next line without its newline, which `rest` loses; nothing if none ends.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return {};
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

Error malformed(std::string what) {
  return {sqlstate::invalid_parameter_value, "is no checkpoint: " + std::move(what)};
}

bool read_size(std::string_view line, std::uint64_t& size) {
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), size);
  // One spelling for each number: what is signed must not be readable in two ways.
  return parsed.ec == std::errc() && parsed.ptr == line.data() + line.size() && std::to_string(size) == line;
}

Result<Checkpoint> read_checkpoint(std::string_view text) {
  Checkpoint checkpoint;
  const auto origin = take_line(text);
  const auto size = take_line(text);
  const auto root = take_line(text);
  if (!origin || origin->empty() || !size || !root) return malformed("origin, size or root is missing");
  checkpoint.origin = *origin;
  if (!read_size(*size, checkpoint.size)) return malformed("its size is no number");
  const std::string hash = auth::base64_decode(*root);
  if (hash.size() != checkpoint.root.size()) return malformed("its root is no hash in base64");
  std::copy(hash.begin(), hash.end(), checkpoint.root.begin());
  while (const auto line = take_line(text)) {
    if (line->starts_with(time_mark)) checkpoint.time = line->substr(time_mark.size());
  }
  return checkpoint;
}

}  // namespace

std::optional<Signature> read_signature(std::string_view line) {
  if (!line.starts_with(signature_mark)) return {};
  line.remove_prefix(signature_mark.size());
  const std::size_t blank = line.find(' ');
  if (blank == 0 || blank == std::string_view::npos) return {};
  const std::string bytes = auth::base64_decode(line.substr(blank + 1));
  if (bytes.size() <= id_bytes) return {};
  return Signature{std::string(line.substr(0, blank)), bytes.substr(0, id_bytes), bytes.substr(id_bytes)};
}

Key Key::make() {
  EVP_PKEY* const key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) std::abort();  // no memory, or no random numbers
  return {shared(key), true};
}

Result<Key> Key::read(std::string_view pem) {
  const auto open = [pem] { return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free); };
  // Without a callback OpenSSL asks the terminal for the password of an encrypted key.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  auto key = shared(PEM_read_bio_PrivateKey(open().get(), nullptr, no_password, nullptr));
  const bool can_sign = key != nullptr;
  if (!can_sign) key = shared(PEM_read_bio_PUBKEY(open().get(), nullptr, no_password, nullptr));
  if (key == nullptr || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519)
    return Error{sqlstate::invalid_parameter_value, "is not an Ed25519 key in PEM"};
  return Key(std::move(key), can_sign);
}

Result<Key> Key::read_raw(std::string_view bytes) {
  auto key = bytes.size() != public_bytes
                 ? nullptr
                 : shared(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(bytes), bytes.size()));
  if (key == nullptr) return Error{sqlstate::invalid_parameter_value, "is no Ed25519 key"};
  return Key(std::move(key), false);
}

std::string Key::private_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return contents_of(bio.get());
}

std::string Key::public_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PUBKEY(bio.get(), key_.get());
  return contents_of(bio.get());
}

std::string Key::raw_public() const {
  std::string bytes(public_bytes, '\0');
  std::size_t length = bytes.size();
  EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &length);
  return bytes;
}

std::string Key::id(std::string_view name) const {
  return auth::sha256(std::string(name) + '\n' + ed25519_type + raw_public()).substr(0, id_bytes);
}

std::string Key::verifier_key(std::string_view name) const {
  return std::string(name) + '+' + to_hex(id(name)) + '+' + auth::base64_encode(ed25519_type + raw_public());
}

std::string Key::sign(std::string_view text) const {
  std::string signature(signature_bytes, '\0');
  std::size_t length = signature.size();
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get());
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, raw(text), text.size());
  return signature;
}

bool Key::has_signed(std::string_view text, std::string_view signature) const {
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(text), text.size()) == 1;
}

std::string sign_checkpoint(const Checkpoint& checkpoint, const Key& key, std::string_view more) {
  const std::string_view root(reinterpret_cast<const char*>(checkpoint.root.data()), checkpoint.root.size());
  std::string note =
      checkpoint.origin + '\n' + std::to_string(checkpoint.size) + '\n' + auth::base64_encode(root) + '\n';
  if (!checkpoint.time.empty()) note.append(time_mark).append(checkpoint.time).append("\n");
  note += more;
  const std::string signature = key.id(checkpoint.origin) + key.sign(note);
  note += '\n';
  note += signature_mark;
  note += checkpoint.origin + ' ' + auth::base64_encode(signature) + '\n';
  return note;
}

Result<Note> read_note(std::string_view whole) {
  const std::size_t end = whole.rfind("\n\n");
  if (end == std::string_view::npos) return malformed("there is no signature");
  Note note;
  note.text = whole.substr(0, end + 1);
  DBGATE_TRY(note.checkpoint, read_checkpoint(note.text));
  std::string_view rest = whole.substr(end + 2);
  while (!rest.empty()) {
    const auto line = take_line(rest);
    if (!line) return malformed("its last line is cut off");
    auto signature = read_signature(*line);
    if (!signature) return malformed("a signature is malformed");
    note.signatures.push_back(std::move(*signature));
  }
  if (note.signatures.empty()) return malformed("there is no signature");
  return note;
}

Result<std::vector<Note>> read_notes(std::string_view all) {
  std::vector<Note> notes;
  while (!all.empty()) {
    // A note ends where a line that is no signature follows one that is.
    std::size_t end = all.find("\n\n");
    end = end == std::string_view::npos ? all.size() : end + 2;
    while (all.substr(end).starts_with(signature_mark)) {
      const std::size_t line = all.find('\n', end);
      end = line == std::string_view::npos ? all.size() : line + 1;
    }
    DBGATE_TRY(Note note, read_note(all.substr(0, end)));
    notes.push_back(std::move(note));
    all.remove_prefix(end);
  }
  if (notes.empty()) return malformed("the file is empty");
  return notes;
}

bool is_signed_by(const Note& note, const Key& key) {
  const std::string id = key.id(note.checkpoint.origin);
  for (const Signature& signature : note.signatures) {
    if (signature.name != note.checkpoint.origin || signature.key_id != id) continue;
    if (key.has_signed(note.text, signature.bytes)) return true;
  }
  return false;
}

}  // namespace dbgate::proof
