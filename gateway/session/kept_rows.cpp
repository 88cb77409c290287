#include "gateway/session/kept_rows.h"

#include <algorithm>

#include "gateway/audit/json.h"
#include "gateway/base/utf8.h"
#include "protocol/postgres/backend_messages.h"

namespace dbgate::session {
namespace {

// Server connections speak UTF8, so what is none was sent in binary format; so was nearly everything with control
// characters in it.
bool is_text(std::string_view bytes) {
  const bool control = std::any_of(bytes.begin(), bytes.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n' && c != '\r';
  });
  return !control && is_utf8(bytes);
}

void append_value(std::string& out, std::string_view bytes) {
  is_text(bytes) ? audit::append_json_string(out, bytes) : audit::append_hex(out, bytes);
}

}  // namespace

void KeptRows::add(const std::string& row) {
  if (json_.size() + row.size() + 2 > most_bytes_) return cut();
  json_ += json_.empty() ? '[' : ',';
  json_ += row;
  --rows_left_;
}

void KeptRows::add_row(protocol::Bytes body) {
  const auto row = protocol::backend::DataRow::decode(body);
  if (!row) return cut();  // a server out of step: the client makes of it what it can
  std::string json = "[";
  for (const protocol::Value& value : row->columns) {
    if (json.size() > 1) json += ',';
    value ? append_value(json, protocol::as_text(*value)) : static_cast<void>(json += "null");
  }
  add(json + "]");
}

void KeptRows::add_line(protocol::Bytes body) {
  std::string_view line = protocol::as_text(body);
  if (line.ends_with('\n')) line.remove_suffix(1);
  std::string json = "[";
  append_value(json, line);
  add(json + "]");
}

void KeptRows::cut() noexcept {
  rows_left_ = 0;
  cut_ = true;
}

}  // namespace dbgate::session
