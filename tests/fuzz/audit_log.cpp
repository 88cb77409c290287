// Input: files of an audit directory. Each is a byte that says which, two bytes of length (little-endian), the content.
// Whoever reads such a directory was not there when it was written.
#include <array>
#include <filesystem>

#include "gateway/audit/log_reader.h"
#include "gateway/audit/tail.h"
#include "gateway/audit/zstd_frames.h"
#include "gateway/proof/prove.h"
#include "gateway/proof/receipt.h"
#include "gateway/proof/tree_file.h"
#include "tests/fuzz/check.h"
#include "tests/support/temp_directory.h"

namespace {

using namespace dbgate;

constexpr std::array<const char*, 14> names = {"audit-w0-000001.jsonl",
                                               "audit-w0-000002.jsonl",
                                               "audit-w0.1-000001.jsonl",
                                               "audit-w0.tail",
                                               "audit-w0.head",
                                               "audit-w0.checkpoint",
                                               "audit-w0.tree",
                                               "log-id",
                                               "audit-api.tail",
                                               "receipt",
                                               "audit-w0-000001.jsonl.zst",
                                               "audit-w0-000002.jsonl.zst",  // compressed here
                                               "audit-w0.removed",
                                               "audit-retention-000001.jsonl"};
constexpr std::size_t compressed_here = 11;
constexpr std::size_t removed = 12;

std::string compressed(std::string_view content) {
  constexpr std::size_t most = 300;  // several frames
  audit::FrameWriter writer;
  std::string file;
  for (; !content.empty(); content.remove_prefix(std::min(most, content.size())))
    file += writer.add(content.substr(0, most));
  return file + writer.seek_table();
}

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
  // Without the key removals are believed, so that other records are missing.
  if (!std::filesystem::exists(directory + "/" + names[removed])) {
    DBGATE_FUZZ_CHECK(report.log.records == unsigned_report.log.records);
    DBGATE_FUZZ_CHECK(report.log.problems.size() >= unsigned_report.log.problems.size());
  }
  std::size_t lines = 0;
  audit::LogReader reader(directory);
  const auto count = [&](const std::string& line) {
    if (lines++ > 3) return;
    const auto made = proof::make_receipt(directory, line);
    if (!made) return;
    const auto read = proof::read_receipt(proof::json_of(*made));
    DBGATE_FUZZ_CHECK(read && read->record == made->record && read->index == made->index);
  };
  const bool whole = reader.more(count).has_value();
  const std::size_t first = lines;
  DBGATE_FUZZ_CHECK(reader.more(count).has_value() == whole);
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
      tests::write_file(place.file(names[which]),
                        which == compressed_here ? compressed(content) : std::string(content));
    }
  }
  read_all(place.path());
  return 0;
}
