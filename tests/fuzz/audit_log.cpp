// Input: files of an audit directory. Each is a byte that says which, two bytes of length (little-endian), the content.
// Whoever reads such a directory was not there when it was written.
#include <array>
#include <filesystem>

#include "gateway/audit/log_reader.h"
#include "gateway/audit/tail.h"
#include "gateway/proof/prove.h"
#include "gateway/proof/receipt.h"
#include "gateway/proof/tree_file.h"
#include "tests/fuzz/check.h"
#include "tests/support/temp_directory.h"

namespace {

using namespace dbgate;

constexpr std::array<const char*, 10> names = {"audit-w0-000001.jsonl",   "audit-w0-000002.jsonl",
                                               "audit-w0.1-000001.jsonl", "audit-w0.tail",
                                               "audit-w0.head",           "audit-w0.checkpoint",
                                               "audit-w0.tree",           "log-id",
                                               "audit-api.tail",          "receipt"};

// Of the key that has signed what lies in the corpus.
const proof::Key& key() {
  static const proof::Key known =
      proof::Key::read(
          "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA7gjaaHSddkyq3I2sEsUoue7CJNiVfKRO5hunS69WP/0=\n-----END PUBLIC "
          "KEY-----\n")
          .value();
  return known;
}

void read_all(const std::string& directory) {
  const auto report = proof::prove_directory(directory, key(), {});
  const auto unsigned_report = proof::prove_directory(directory, std::nullopt, {});
  DBGATE_FUZZ_CHECK(report.log.records == unsigned_report.log.records);
  DBGATE_FUZZ_CHECK(report.log.problems.size() >= unsigned_report.log.problems.size());
  std::size_t lines = 0;
  audit::LogReader reader(directory);
  const auto count = [&](const std::string& line) {
    if (lines++ > 3) return;
    const auto made = proof::make_receipt(directory, line);
    if (!made) return;
    const auto read = proof::read_receipt(proof::json_of(*made));
    DBGATE_FUZZ_CHECK(read && read->record == made->record && read->index == made->index);
  };
  reader.more(count);
  const std::size_t first = lines;
  reader.more(count);
  DBGATE_FUZZ_CHECK(lines == first);
  static_cast<void>(proof::read_tree(proof::tree_path(directory, "w0")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const tests::TempDirectory place;
  std::error_code ignored;
  for (const char* name : names)
    std::filesystem::remove(place.file(name), ignored);
  std::string_view rest = fuzz::as_text(data, size);
  while (rest.size() >= 3) {
    const auto which = static_cast<unsigned char>(rest[0]) % names.size();
    const std::size_t length = static_cast<unsigned char>(rest[1]) + 256u * static_cast<unsigned char>(rest[2]);
    const std::string_view content = rest.substr(3, length);
    rest.remove_prefix(3 + content.size());
    if (std::string_view(names[which]) == "receipt") {
      const auto receipt = proof::read_receipt(content);
      if (receipt) static_cast<void>(proof::check_receipt(*receipt, key()));
      static_cast<void>(proof::read_notes(content));
    } else {
      tests::write_file(place.file(names[which]), content);
    }
  }
  read_all(place.path());
  return 0;
}
