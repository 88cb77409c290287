#include "gateway/session/bind_records.h"

#include "gateway/audit/json.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {
namespace {

// Longer values stand as their hashes.
constexpr std::size_t most_value_bytes = 4096;

void end_hash(std::string& out, std::size_t bytes) {
  out += "\",\"bytes\":";
  audit::append_number(out, bytes);
  out += '}';
}

}  // namespace

void BindRecords::take(protocol::Bytes body) {
  latest_ = nullptr;
  hash_ = nullptr;  // of the same message, when only its beginning was there
  const auto bind = protocol::frontend::Bind::decode(body);
  if (!bind) return;  // the server refuses it
  std::string out;
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
  if (out.empty()) return;
  out += ']';
  latest_ = std::make_shared<std::string>(std::move(out));
}

void BindRecords::begin(protocol::Bytes values, std::size_t bytes) {
  latest_ = std::make_shared<std::string>();
  bytes_ = bytes;
  hash_ = std::make_unique<audit::Sha256>();
  more(values, bytes - values.size());
}

void BindRecords::more(protocol::Bytes part, std::size_t rest) {
  hash_->add(protocol::as_text(part));
  if (rest > 0) return;
  *latest_ += "{\"sha256\":\"";
  *latest_ += hash_->hex();
  end_hash(*latest_, bytes_);
  hash_ = nullptr;
}

}  // namespace dbgate::session
