#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/proof/note.h"

namespace dbgate::proof {

/// Proof that a record is in a log whose checkpoint was signed. Needs nothing else but the key.
struct Receipt {
  std::string record;           ///< the line of the log, without its newline
  std::uint64_t index = 0;      ///< of it among its chain's, from 0
  std::vector<TreeHash> proof;  ///< the audit path (RFC 6962 §2.1.1), from the leaf upwards
  std::string checkpoint;       ///< a signed note, as it is kept
};

/// Of a record that stands in a directory. Errors: 55000 its chain's checkpoint does not reach it yet; 58030; XX001 the
/// log is not the one that was signed.
Result<Receipt> make_receipt(const std::string& directory, std::string_view record);

/// `{"record":"…","index":N,"proof":["<base64>",…],"checkpoint":"…"}`
std::string json_of(const Receipt& receipt);
/// Errors: 22023 it is no receipt.
Result<Receipt> read_receipt(std::string_view json);

/// Whether the record is unchanged, and is the one that the checkpoint, signed by the key, has at its place. Errors:
/// 22023 says what is wrong.
Result<> check_receipt(const Receipt& receipt, const Key& key);

}  // namespace dbgate::proof
