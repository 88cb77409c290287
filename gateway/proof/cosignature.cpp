#include "gateway/proof/cosignature.h"

#include <algorithm>
#include <charconv>

#include "gateway/auth/digests.h"
#include "gateway/base/hex.h"

namespace dbgate::proof {
namespace {

constexpr char cosignature_type = 0x04;
constexpr std::size_t time_bytes = 8;
constexpr std::size_t most_lines = 64;

Error malformed(std::string what) {
  return {sqlstate::invalid_parameter_value, std::move(what)};
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes)
    number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string cosigner_id(const Key& key, const std::string& name) {
  return auth::sha256(name + '\n' + cosignature_type + key.raw_public()).substr(0, 4);
}

std::string cosigned_text(const Note& note, const std::string& time) {
  return "cosignature/v1\ntime " + time + "\n" + note.text;
}

}  // namespace

Result<Cosigner> Cosigner::read(std::string_view verifier_key) {
  // The key is base64, which may have a + in it: the first two separate.
  const std::size_t first = verifier_key.find('+');
  const std::size_t second = verifier_key.find('+', first == std::string_view::npos ? first : first + 1);
  if (first == 0 || second == std::string_view::npos)
    return malformed("is no verifier key: it must be <name>+<id>+<base64>");
  const std::string name(verifier_key.substr(0, first));
  const std::string material = auth::base64_decode(verifier_key.substr(second + 1));
  if (material.empty() || material[0] != cosignature_type)
    return malformed("is no verifier key of a witness: its type must be 4, Ed25519 cosignatures");
  auto key = Key::read_raw(std::string_view(material).substr(1));
  if (!key) return key.error();
  const std::string id = cosigner_id(*key, name);
  if (to_hex(id) != verifier_key.substr(first + 1, second - first - 1))
    return malformed("is no verifier key: its id is not that of its name and key");
  return Cosigner(name, id, std::move(*key));
}

bool Cosigner::has_cosigned(const Note& note, const Signature& signature) const {
  if (signature.name != name_ || signature.key_id != id_ || signature.bytes.size() <= time_bytes) return false;
  const std::string_view bytes = signature.bytes;
  const std::string time = std::to_string(big_endian(bytes.substr(0, time_bytes)));
  return key_.has_signed(cosigned_text(note, time), bytes.substr(time_bytes));
}

bool Cosigner::has_cosigned(const Note& note) const {
  return std::ranges::any_of(note.signatures, [&](const Signature& one) { return has_cosigned(note, one); });
}

Signature cosign(const Note& note, const Key& key, const std::string& name, std::uint64_t seconds) {
  std::string time;
  for (unsigned shift = 64; shift > 0; shift -= 8)
    time += static_cast<char>(seconds >> (shift - 8) & 0xff);
  return {name, cosigner_id(key, name), time + key.sign(cosigned_text(note, std::to_string(seconds)))};
}

std::string cosigner_key(const Key& key, const std::string& name) {
  return name + '+' + to_hex(cosigner_id(key, name)) + '+' + auth::base64_encode(cosignature_type + key.raw_public());
}

std::string add_checkpoint_body(std::uint64_t old_size, const std::vector<TreeHash>& proof, std::string_view note) {
  std::string body = "old " + std::to_string(old_size) + '\n';
  for (const TreeHash& hash : proof)
    body += auth::base64_encode({reinterpret_cast<const char*>(hash.data()), hash.size()}) + '\n';
  body += '\n';
  return body.append(note);
}

Result<AddCheckpoint> read_add_checkpoint(std::string_view body) {
  constexpr std::string_view old = "old ";
  constexpr std::size_t most_hashes = 63;
  const std::size_t end = body.find("\n\n");
  if (!body.starts_with(old) || end == std::string_view::npos) return malformed("is no request to add a checkpoint");
  AddCheckpoint asked;
  std::string_view lines = body.substr(old.size(), end + 1 - old.size());
  for (bool first = true; !lines.empty(); first = false) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    if (first) {
      DBGATE_TRY(asked.old_size, read_witnessed_size(line));
      continue;
    }
    const std::string hash = auth::base64_decode(line);
    if (hash.size() != sizeof(TreeHash) || asked.proof.size() == most_hashes) return malformed("its proof is none");
    std::copy(hash.begin(), hash.end(), asked.proof.emplace_back().begin());
  }
  DBGATE_TRY(asked.note, read_note(body.substr(end + 2)));
  return asked;
}

Result<std::vector<Signature>> read_cosignatures(std::string_view body) {
  std::vector<Signature> signatures;
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    auto signature = end == std::string_view::npos ? std::nullopt : read_signature(body.substr(0, end));
    if (!signature || signatures.size() == most_lines) return malformed("the answer is not made of signature lines");
    signatures.push_back(std::move(*signature));
    body.remove_prefix(end + 1);
  }
  if (signatures.empty()) return malformed("the answer has no signature");
  return signatures;
}

std::string line_of(const Signature& signature) {
  return "\xe2\x80\x94 " + signature.name + ' ' + auth::base64_encode(signature.key_id + signature.bytes) + '\n';
}

Result<std::uint64_t> read_witnessed_size(std::string_view body) {
  if (body.ends_with('\n')) body.remove_suffix(1);
  std::uint64_t size = 0;
  const auto parsed = std::from_chars(body.data(), body.data() + body.size(), size);
  if (parsed.ec != std::errc() || parsed.ptr != body.data() + body.size())
    return malformed("the answer does not say how many records it has seen");
  return size;
}

}  // namespace dbgate::proof
