#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/postgres/bytes.h"
#include "protocol/postgres/error.h"

/// States what must hold for any input; libFuzzer and the replayer both keep the input that breaks it.
#define DBGATE_FUZZ_CHECK(condition)                                                      \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

namespace dbgate::fuzz {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// What decodes must give exactly its bytes again: nothing is read into a message that is not on the wire, and nothing
/// on the wire goes unread.
/// @param header bytes that encode() puts before the body
template <class Message>
void check_round_trip(protocol::Bytes body, std::size_t header) {
  const auto message = Message::decode(body);
  if (!message) {
    DBGATE_FUZZ_CHECK(message.error().category() == protocol::protocol_category());
    return;
  }
  std::string encoded;
  message->encode(encoded);
  DBGATE_FUZZ_CHECK(encoded.size() == body.size() + header);
  DBGATE_FUZZ_CHECK(std::string_view(encoded).substr(header) == protocol::as_text(body));
}

/// Walks a list, touching every byte of its items' views.
template <class List>
std::size_t count_items(const List& list) {
  std::size_t items = 0;
  for (const auto item : list) {
    static_cast<void>(item);
    ++items;
  }
  DBGATE_FUZZ_CHECK(items == list.size());
  return items;
}

}  // namespace dbgate::fuzz
