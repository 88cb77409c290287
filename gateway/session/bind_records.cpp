#include "gateway/session/bind_records.h"

#include "gateway/audit/json.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {
namespace {

// Longer values stand as their hashes.
constexpr std::size_t most_value_bytes = 4096;

// A session keeps room for values of this size; what was larger gives it back.
constexpr std::size_t kept_bytes = 4096;

void end_hash(std::string& out, std::size_t bytes) {
  out += "\",\"bytes\":";
  audit::append_number(out, bytes);
  out += '}';
}

}  // namespace

std::string& BindRecords::place(std::string_view portal) {
  const auto found = portal.empty() ? named_.end() : named_.find(portal);
  std::string& text = portal.empty()          ? unnamed_
                      : found == named_.end() ? named_.try_emplace(std::string(portal)).first->second
                                              : found->second;
  text.clear();
  if (text.capacity() > kept_bytes) text.shrink_to_fit();
  return text;
}

void BindRecords::take(std::string_view portal, protocol::Bytes body) {
  std::string& out = place(portal);
  const auto bind = protocol::frontend::Bind::decode(body);
  if (!bind) return;  // the server refuses it
  // None: all are text. One: it is that of all. Else one for each; where there are fewer the server refuses it.
  const auto& formats = bind->parameter_formats;
  auto next_format = formats.begin();
  std::int16_t format = 0;
  for (const protocol::Value& value : bind->parameters) {
    out += out.empty() ? '[' : ',';
    if (next_format != formats.end()) {
      format = *next_format++;
    } else if (formats.size() > 1) {
      format = 0;
    }
    if (!value) {
      out += "null";
      continue;
    }
    const std::string_view bytes = protocol::as_text(*value);
    if (how_ == ParameterRecord::hashes || bytes.size() > most_value_bytes) {
      out += "{\"sha256\":\"";
      audit::append_sha256_hex(out, bytes);
      end_hash(out, bytes.size());
    } else if (format == 0) {
      audit::append_json_string(out, bytes);
    } else {
      audit::append_hex(out, bytes);
    }
  }
  if (!out.empty()) out += ']';
}

void BindRecords::begin(std::string_view portal, protocol::Bytes values, std::size_t bytes) {
  target_ = &place(portal);
  bytes_ = bytes;
  hash_ = std::make_unique<audit::Sha256>();
  more(values, bytes - values.size());
}

void BindRecords::more(protocol::Bytes part, std::size_t rest) {
  hash_->add(protocol::as_text(part));
  if (rest > 0) return;
  *target_ += "{\"sha256\":\"";
  *target_ += hash_->hex();
  end_hash(*target_, bytes_);
  hash_ = nullptr;
}

std::string_view BindRecords::of(std::string_view portal) const {
  if (portal.empty()) return unnamed_;
  const auto found = named_.find(portal);
  return found == named_.end() ? std::string_view() : found->second;
}

}  // namespace dbgate::session
