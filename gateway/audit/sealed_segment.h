#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/audit/segment.h"
#include "gateway/base/error.h"

// Segments that are kept for whoever has a private key (envelope.h): in the folder sealed/ of a log, one file each.
// What is inside is zstd's seekable format; of it the lines of the segment, and behind them one for each text that its
// records have apart: {"text":"<SHA-256>","hex":"<its bytes>"}.
namespace dbgate::audit {

inline constexpr std::string_view sealed_folder = "sealed";

std::string sealed_path(const std::string& directory, const std::string& chain, std::uint64_t number);

struct SealedFile {
  std::string path;
  std::string chain;
  std::uint64_t number = 0;
};
/// By chain and number.
std::vector<SealedFile> list_sealed(const std::string& directory);

/// What is sealed of a segment, a part at a time.
class SealContent {
 public:
  /// Errors: 58030, XX001.
  static Result<SealContent> open(const std::string& directory, const std::string& chain, std::uint64_t number);
  /// Up to so many bytes; 0: there are no more. Errors: 58030; XX001 the segment is damaged, or a text is missing.
  Result<std::size_t> read(char* to, std::size_t bytes);

 private:
  SealContent(std::string directory, Segment segment) : directory_(std::move(directory)), lines_(std::move(segment)) {}
  Result<> add_line();
  Result<> add_text();
  void pack();

  std::string directory_;
  SegmentLines lines_;
  FrameWriter frames_;
  std::set<std::string> texts_;  ///< that are to follow
  std::string content_;          ///< not compressed yet
  std::string packed_;           ///< not read yet
  std::size_t used_ = 0;         ///< of that
  enum class At { lines, texts, table, end } at_ = At::lines;
};

/// Takes apart what was sealed. @param file  of zstd's seekable format. @param directory  gets the segment and the
/// texts
/// Errors: 58030; XX001 it is not what dbgate seals.
Result<> restore_segment(const std::string& file, const std::string& directory, const std::string& chain,
                         std::uint64_t number);

}  // namespace dbgate::audit
