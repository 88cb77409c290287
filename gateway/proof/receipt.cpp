#include "gateway/proof/receipt.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "gateway/audit/chain.h"
#include "gateway/audit/sha256.h"
#include "gateway/auth/digests.h"
#include "gateway/proof/chain_tree.h"
#include "gateway/proof/prove.h"

namespace dbgate::proof {
namespace {

namespace json = boost::json;

Error wrong(std::string what) {
  return {sqlstate::invalid_parameter_value, std::move(what)};
}

Error no_receipt() {
  return wrong("is no receipt of an audit record");
}

Result<std::string> read_checkpoint_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    return Error{sqlstate::object_not_in_prerequisite_state, "the chain of this record has not been signed yet"};
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

}  // namespace

Result<Receipt> make_receipt(const std::string& directory, std::string_view record) {
  const audit::SealedLine sealed = audit::read_sealed(record);
  TreeHash hash{};
  if (!sealed.valid || sealed.sequence == 0 || !read_hex(sealed.hash, hash)) return no_receipt();
  // Its place is proved by its hash: nobody shall be given proof of a line that has another one.
  if (audit::sha256_hex(sealed.covered) != sealed.hash)
    return Error{sqlstate::data_corrupted, "the record was changed: its hash does not fit"};
  const std::string chain(sealed.chain);
  Receipt receipt{std::string(record), sealed.sequence - 1, {}, {}};
  DBGATE_TRY(receipt.checkpoint, read_checkpoint_file(checkpoint_path(directory, chain)));
  DBGATE_TRY(const Note note, read_note(receipt.checkpoint));
  const Checkpoint& checkpoint = note.checkpoint;
  if (receipt.index >= checkpoint.size)
    return Error{sqlstate::object_not_in_prerequisite_state,
                 "the record is newer than the last checkpoint of its chain: ask again in some seconds"};
  DBGATE_TRY(const RecordedTree tree, RecordedTree::open(directory, chain));
  DBGATE_TRY(receipt.proof, tree.inclusion(receipt.index, checkpoint.size));
  if (!proves_inclusion(hash, receipt.index, checkpoint.size, receipt.proof, checkpoint.root))
    return Error{sqlstate::data_corrupted, "the audit log is not the one that was signed"};
  // Who has altered a file may have put bytes into it that are no text: JSON could not carry them.
  if (!read_receipt(json_of(receipt)))
    return Error{sqlstate::data_corrupted, "the record, or the checkpoint of its chain, is not UTF-8"};
  return receipt;
}

std::string json_of(const Receipt& receipt) {
  json::array proof;
  for (const TreeHash& hash : receipt.proof)
    proof.emplace_back(auth::base64_encode({reinterpret_cast<const char*>(hash.data()), hash.size()}));
  return json::serialize(json::object{{"record", receipt.record},
                                      {"index", receipt.index},
                                      {"proof", std::move(proof)},
                                      {"checkpoint", receipt.checkpoint}});
}

Result<Receipt> read_receipt(std::string_view text) {
  boost::system::error_code failed;
  const json::value parsed = json::parse(text, failed);
  if (failed || !parsed.is_object()) return no_receipt();
  const json::object& object = parsed.as_object();
  const auto* const record = object.if_contains("record");
  const auto* const index = object.if_contains("index");
  const auto* const proof = object.if_contains("proof");
  const auto* const checkpoint = object.if_contains("checkpoint");
  if (record == nullptr || !record->is_string() || proof == nullptr || !proof->is_array() || checkpoint == nullptr ||
      !checkpoint->is_string() || index == nullptr || !index->is_number())
    return no_receipt();
  Receipt receipt{std::string(record->as_string()), 0, {}, std::string(checkpoint->as_string())};
  receipt.index = index->to_number<std::uint64_t>(failed);
  if (failed) return no_receipt();
  for (const json::value& step : proof->as_array()) {
    const std::string bytes = step.is_string() ? auth::base64_decode(step.as_string()) : std::string();
    TreeHash& hash = receipt.proof.emplace_back();
    if (bytes.size() != hash.size()) return no_receipt();
    std::copy(bytes.begin(), bytes.end(), hash.begin());
  }
  return receipt;
}

Result<> check_receipt(const Receipt& receipt, const Key& key) {
  const audit::SealedLine sealed = audit::read_sealed(receipt.record);
  TreeHash hash{};
  if (!sealed.valid || !read_hex(sealed.hash, hash)) return wrong("the record is no audit record");
  if (audit::sha256_hex(sealed.covered) != sealed.hash) return wrong("the record was changed: its hash does not fit");
  DBGATE_TRY(const Note note, read_note(receipt.checkpoint));
  if (!is_signed_by(note, key)) return wrong("the checkpoint is not signed by the key that was given");
  if (chain_of(note.checkpoint) != sealed.chain || sealed.sequence != receipt.index + 1)
    return wrong("the checkpoint is not about the record's chain, or the record has another place in it");
  if (!proves_inclusion(hash, receipt.index, note.checkpoint.size, receipt.proof, note.checkpoint.root))
    return wrong("the proof does not lead from the record to the checkpoint");
  return boost::system::in_place_value;
}

}  // namespace dbgate::proof
