#include "gateway/session/bind_records.h"

#include <vector>

#include "gateway/audit/json.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {
namespace {

// Longer values stand as their hashes.
constexpr std::size_t most_value_bytes = 4096;

void append_hash(std::string& out, std::string_view hash, std::size_t bytes) {
  out += "{\"sha256\":\"";
  out += hash;
  out += "\",\"bytes\":" + std::to_string(bytes) + '}';
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "{\"hex\":\"";
  for (const char c : bytes) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  out += "\"}";
}

}  // namespace

std::string& BindRecords::place(std::string_view portal) {
  std::string& text = portal.empty() ? unnamed_ : named_[std::string(portal)];
  text.clear();
  return text;
}

void BindRecords::take(std::string_view portal, protocol::Bytes body) {
  std::string& out = place(portal);
  const auto bind = protocol::frontend::Bind::decode(body);
  if (!bind) return;  // the server refuses it
  const std::vector<std::int16_t> formats(bind->parameter_formats.begin(), bind->parameter_formats.end());
  std::size_t i = 0;
  for (const protocol::Value& value : bind->parameters) {
    out += i == 0 ? '[' : ',';
    const std::int16_t format = formats.size() == 1 ? formats[0] : i < formats.size() ? formats[i] : std::int16_t{0};
    ++i;
    if (!value) {
      out += "null";
      continue;
    }
    const std::string_view bytes = protocol::as_text(*value);
    if (how_ == ParameterRecord::hashes || bytes.size() > most_value_bytes) {
      append_hash(out, audit::sha256_hex(bytes), bytes.size());
    } else if (format == 0) {
      audit::append_json_string(out, bytes);
    } else {
      append_hex(out, bytes);
    }
  }
  if (i > 0) out += ']';
}

void BindRecords::begin(std::string_view portal, protocol::Bytes values, std::size_t bytes) {
  target_ = &place(portal);
  bytes_ = bytes;
  hash_ = std::make_unique<audit::RunningHash>();
  more(values, bytes - values.size());
}

void BindRecords::more(protocol::Bytes part, std::size_t rest) {
  hash_->add(protocol::as_text(part));
  if (rest > 0) return;
  append_hash(*target_, hash_->hex(), bytes_);
  hash_ = nullptr;
}

std::string_view BindRecords::of(std::string_view portal) const {
  if (portal.empty()) return unnamed_;
  const auto found = named_.find(portal);
  return found == named_.end() ? std::string_view() : found->second;
}

}  // namespace dbgate::session
