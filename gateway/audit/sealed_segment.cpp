#include "gateway/audit/sealed_segment.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "gateway/audit/sha256.h"
#include "gateway/audit/verify.h"

namespace dbgate::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".zst.cms";
constexpr std::string_view text_head = "{\"text\":\"";
constexpr std::string_view text_middle = "\",\"hex\":\"";
constexpr std::string_view text_end = "\"}";
constexpr std::size_t digits = 64;

bool is_hash(std::string_view text) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view letters = "0123456789abcdef";
  for (const char c : bytes) {
    out += letters[static_cast<unsigned char>(c) >> 4];
    out += letters[static_cast<unsigned char>(c) & 15];
  }
}

int digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> bytes_of(std::string_view hex) {
  std::string bytes;
  if (hex.size() % 2 != 0) return {};
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::optional<std::string> stored_text(const std::string& directory, const std::string& hash) {
  const std::string path = directory + "/blobs/" + hash;
  for (const std::string& name : {path, path + std::string(leaving_text)}) {
    std::ifstream file(name, std::ios::binary);
    if (!file) continue;
    std::ostringstream text;
    text << file.rdbuf();
    if (sha256_hex(text.str()) == hash) return text.str();
  }
  return {};
}

Result<> write_text(std::string_view line, const std::string& directory) {
  const Error none(sqlstate::data_corrupted, "a text that was sealed is not what its name says");
  const std::string hash(line.substr(text_head.size(), digits));
  const std::size_t begin = text_head.size() + digits + text_middle.size();
  if (line.size() < begin + text_end.size() || !is_hash(hash)) return none;
  const auto text = bytes_of(line.substr(begin, line.size() - begin - text_end.size()));
  if (!text || sha256_hex(*text) != hash) return none;
  std::ofstream file(directory + "/blobs/" + hash, std::ios::binary);
  file << *text;
  file.flush();
  if (!file) return Error{sqlstate::io_error, "cannot write a text to " + directory + "/blobs"};
  return boost::system::in_place_value;
}

}  // namespace

std::string sealed_path(const std::string& directory, const std::string& chain, std::uint64_t number) {
  return segment_path(directory + "/" + std::string(sealed_folder), chain, number) + std::string(suffix);
}

std::vector<SealedFile> list_sealed(const std::string& directory) {
  const std::string folder = directory + "/" + std::string(sealed_folder);
  std::vector<SealedFile> found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    const std::size_t dash = name.rfind('-');
    if (!name.ends_with(suffix) || dash == std::string::npos || dash < 7) continue;
    SealedFile file{entry.path().string(), name.substr(6, dash - 6),
                    std::strtoull(name.c_str() + dash + 1, nullptr, 10)};
    if (sealed_path(directory, file.chain, file.number) == folder + "/" + name) found.push_back(std::move(file));
  }
  std::sort(found.begin(), found.end(), [](const SealedFile& a, const SealedFile& b) {
    return std::tie(a.chain, a.number) < std::tie(b.chain, b.number);
  });
  return found;
}

Result<SealContent> SealContent::open(const std::string& directory, const std::string& chain, std::uint64_t number) {
  DBGATE_TRY(Segment segment, Segment::open(segment_path(directory, chain, number)));
  return SealContent(directory, std::move(segment));
}

Result<> SealContent::add_line() {
  std::string_view line;
  DBGATE_TRY(const bool more, lines_.next(line));
  if (more) {
    content_.append(line).append("\n");
    const std::string_view text = member_of(line, "db.query.text_sha256");
    if (is_hash(text)) texts_.emplace(text);
    return boost::system::in_place_value;
  }
  if (!lines_.rest().empty()) return Error{sqlstate::data_corrupted, "a segment that is closed ends within a line"};
  at_ = At::texts;
  return boost::system::in_place_value;
}

Result<> SealContent::add_text() {
  if (texts_.empty()) {
    at_ = At::table;
    return boost::system::in_place_value;
  }
  const std::string hash = *texts_.begin();
  const auto text = stored_text(directory_, hash);
  if (!text) return Error{sqlstate::data_corrupted, "the statement text blobs/" + hash + " is missing or was changed"};
  content_.append(text_head).append(hash).append(text_middle);
  append_hex(content_, *text);
  content_.append(text_end).append("\n");
  texts_.erase(texts_.begin());
  return boost::system::in_place_value;
}

// Whole frames; at the end what is left as well, and the table.
void SealContent::pack() {
  std::size_t at = 0;
  while (content_.size() - at >= frame_bytes || (at_ == At::table && at < content_.size())) {
    const std::string_view part = std::string_view(content_).substr(at, frame_bytes);
    packed_ += frames_.add(part);
    at += part.size();
  }
  content_.erase(0, at);
  if (at_ != At::table) return;
  packed_ += frames_.seek_table();
  at_ = At::end;
}

Result<std::size_t> SealContent::read(char* to, std::size_t bytes) {
  while (used_ == packed_.size() && at_ != At::end) {
    packed_.clear();
    used_ = 0;
    while (content_.size() < frame_bytes && at_ != At::table)
      DBGATE_CHECK(at_ == At::lines ? add_line() : add_text());
    pack();
  }
  const std::size_t some = std::min(bytes, packed_.size() - used_);
  std::memcpy(to, packed_.data() + used_, some);
  used_ += some;
  return some;
}

Result<> restore_segment(const std::string& file, const std::string& directory, const std::string& chain,
                         std::uint64_t number) {
  const std::string path = segment_path(directory, chain, number);
  DBGATE_TRY(Segment segment, Segment::open_compressed(path, file));
  SegmentLines lines(std::move(segment));
  std::ofstream plain(path, std::ios::binary);
  for (std::string_view line;;) {
    DBGATE_TRY(const bool more, lines.next(line));
    if (!more) break;
    if (line.starts_with(text_head)) {
      DBGATE_CHECK(write_text(line, directory));
    } else {
      plain << line << '\n';
    }
  }
  if (!lines.rest().empty()) return Error{sqlstate::data_corrupted, "what was sealed ends within a line"};
  plain.flush();
  if (!plain) return Error{sqlstate::io_error, "cannot write " + path};
  return boost::system::in_place_value;
}

}  // namespace dbgate::audit
