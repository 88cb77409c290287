#pragma once
#include "protocol/postgres/frame.h"
#include "protocol/postgres/read_buffer.h"

namespace dbgate::upstream {

/// Of what a server says by itself, or of replies to dbgate's own queries.
inline constexpr std::size_t max_own_message = 1u << 20;

/// Calls `visit(type, body)` for every whole message and drops it. False: out of step, too large, or `visit` said so.
template <class Visit>
bool each_message(protocol::ReadBuffer& received, Visit&& visit) {
  constexpr std::size_t header_bytes = protocol::MessageHeader::bytes;
  for (;;) {
    const protocol::Bytes unread = received.unread();
    const auto header = protocol::decode_header(unread);
    if (!header) return header.error() == protocol::DecodeError::incomplete;
    if (header->body_length > max_own_message) return false;
    const std::size_t whole = header_bytes + header->body_length;
    if (unread.size() < whole) {
      received.prepare(whole - unread.size());
      return true;
    }
    if (!visit(header->type, unread.subspan(header_bytes, header->body_length))) return false;
    received.consume(whole);
  }
}

}  // namespace dbgate::upstream
