#include "gateway/session/shared_statements.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "gateway/auth/random.h"
#include "gateway/base/keyed_hash.h"
#include "gateway/session/pool_side.h"
#include "gateway/session/tracked_settings.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {

upstream::StatementKeyPtr statement_key(std::string_view text, const std::vector<std::uint32_t>& types,
                                        std::string_view settings) {
  std::string bytes;
  bytes.reserve(text.size() + 1 + types.size() * sizeof(std::uint32_t));
  bytes += text;
  bytes += '\0';
  bytes.append(reinterpret_cast<const char*>(types.data()), types.size() * sizeof(std::uint32_t));
  return std::make_shared<const upstream::StatementKey>(std::move(bytes), settings);
}

upstream::StatementKeyPtr with_types(const upstream::StatementKey& key, const std::vector<std::uint32_t>& types) {
  const std::string_view bytes = key.bytes;
  return statement_key(bytes.substr(0, bytes.find('\0')), types, bytes.substr(key.parse_bytes));
}

upstream::StatementKeyPtr unnamed_key(const Prepared& prepared) {
  if (prepared.typed_key) return prepared.typed_key;
  return statement_key(text_for_server(prepared), prepared.parameter_types, {});
}

bool has_open_types(std::string_view text, const std::vector<std::uint32_t>& declared) {
  if (std::find(declared.begin(), declared.end(), 0U) != declared.end()) return true;
  // What looks like a parameter inside of a constant costs a question, and changes nothing.
  for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    std::size_t number = 0;
    std::from_chars(text.data() + at + 1, text.data() + text.size(), number);
    if (number > declared.size()) return true;
  }
  return false;
}

std::string_view text_for_server(const Prepared& prepared) {
  if (prepared.deallocates) return stand_in_for_deallocate;
  if (prepared.sent && !prepared.sent->rewritten.empty()) return prepared.sent->rewritten;
  return prepared.text;
}

std::string parse_message(const upstream::StatementKey& key, std::string_view name) {
  const std::size_t end = key.bytes.find('\0');
  std::vector<std::uint32_t> types((key.parse_bytes - end - 1) / sizeof(std::uint32_t));
  if (!types.empty()) std::memcpy(types.data(), key.bytes.data() + end + 1, types.size() * sizeof(std::uint32_t));
  std::string storage;
  protocol::frontend::Parse parse;
  parse.statement = name;
  parse.query = std::string_view(key.bytes).substr(0, end);
  parse.parameter_types = protocol::Repeated<std::uint32_t>::lay_out(types, storage);
  return protocol::encoded(parse);
}

std::string bind_head(protocol::Bytes message, std::string_view portal, std::string_view name,
                      std::size_t old_name_bytes) {
  const auto header = protocol::decode_header(message);
  const std::size_t length = header->body_length + sizeof(std::uint32_t) - old_name_bytes + name.size();
  std::string head;
  head.reserve(protocol::MessageHeader::bytes + portal.size() + name.size() + 2);
  head += header->type;
  for (int shift = 24; shift >= 0; shift -= 8)
    head += static_cast<char>(length >> shift & 0xff);
  head += portal;
  head += '\0';
  head += name;
  head += '\0';
  return head;
}

std::string text_to_keep(const sql::Script& script, std::string_view text) {
  const bool followed = std::any_of(script.statements.begin(), script.statements.end(), TrackedSettings::concerns);
  return followed ? std::string(text) : std::string();
}

std::uint64_t result_type(std::optional<protocol::Bytes> row_description) {
  static const HashKey key = [] {
    const std::string bytes = auth::random_bytes(sizeof(HashKey));
    HashKey random;
    std::memcpy(&random, bytes.data(), sizeof random);
    return random;
  }();
  constexpr std::uint64_t no_rows = 1;
  constexpr std::uint64_t unreadable = 2;
  if (!row_description) return no_rows;
  const auto description = protocol::backend::RowDescription::decode(*row_description);
  if (!description) return unreadable;
  std::string columns;
  for (const auto& column : description->columns) {
    columns += column.name;
    columns += '\0';
    columns.append(reinterpret_cast<const char*>(&column.type_oid), sizeof column.type_oid);
    columns.append(reinterpret_cast<const char*>(&column.type_modifier), sizeof column.type_modifier);
  }
  return std::max(keyed_hash(key, columns), unreadable + 1);
}

bool is_shared(const Names::Lookup& found) {
  return !found.definition || found.definition->key != nullptr;
}

}  // namespace dbgate::session
