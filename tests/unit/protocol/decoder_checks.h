#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/postgres/bytes.h"
#include "protocol/postgres/error.h"

namespace dbgate::protocol {

/// What stands before the body of a message.
enum class Envelope : std::uint8_t {
  typed,    ///< type and length word
  startup,  ///< length word
  none      ///< the data of a CopyData
};

/// Whether a message says where it ends.
enum class Ending : std::uint8_t {
  closed,  ///< no other message is its beginning or its continuation
  open     ///< its last field goes on to the end of the message, whatever its length
};

/// A copy without a spare byte behind it, so that a sanitizer sees the first one that is read too far.
class ExactCopy {
 public:
  explicit ExactCopy(std::string_view content) : data_(new std::byte[content.size()]), size_(content.size()) {
    if (size_ > 0) std::memcpy(data_.get(), content.data(), size_);
  }
  Bytes bytes() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_;
};

inline std::string with_envelope(Envelope envelope, char type, std::string_view body) {
  std::string message;
  if (envelope == Envelope::typed) message += type;
  if (envelope != Envelope::none) {
    const std::size_t length = body.size() + 4;
    for (int shift = 24; shift >= 0; shift -= 8)
      message += static_cast<char>(length >> shift & 0xff);
  }
  message += body;
  return message;
}

template <class Message>
char type_of() {
  if constexpr (requires { Message::type; }) {
    return Message::type;
  } else {
    return '\0';
  }
}

/// Whether `body` decodes, and gives itself again when encoded.
template <class Message>
bool decodes(std::string_view body, Envelope envelope) {
  const ExactCopy copy(body);
  const auto message = Message::decode(copy.bytes());
  if (!message) return false;
  std::string encoded;
  message->encode(encoded);
  EXPECT_EQ(encoded, with_envelope(envelope, type_of<Message>(), body));
  return true;
}

template <class Message>
DecodeError error_of(std::string_view body) {
  const ExactCopy copy(body);
  const auto message = Message::decode(copy.bytes());
  EXPECT_FALSE(message.has_value());
  return message.has_value() ? DecodeError{} : static_cast<DecodeError>(message.error().value());
}

/// The four tests of every decoder: round trip, one byte short, one byte over, every split point.
/// @param fixed_bytes for an open ending: how much of the body must be there
template <class Message>
void check_decoder(std::string_view body, Envelope envelope = Envelope::typed, Ending ending = Ending::closed,
                   std::size_t fixed_bytes = 0) {
  SCOPED_TRACE(testing::PrintToString(std::string(body)));
  EXPECT_TRUE(decodes<Message>(body, envelope)) << "round trip";
  for (std::size_t split = 0; split < body.size(); ++split) {
    const bool whole = ending == Ending::open && split >= fixed_bytes;
    EXPECT_EQ(decodes<Message>(body.substr(0, split), envelope), whole) << "the first " << split << " bytes";
  }
  for (const char extra : {'\0', 'x'}) {
    const std::string longer = std::string(body) + extra;
    if (ending == Ending::open) {
      EXPECT_TRUE(decodes<Message>(longer, envelope)) << "one byte over";
    } else {
      EXPECT_EQ(error_of<Message>(longer), DecodeError::trailing_bytes) << "one byte over";
    }
  }
}

/// `body` with two bytes replaced.
inline std::string with_count16(std::string_view body, std::size_t at, unsigned count) {
  std::string changed(body);
  changed[at] = static_cast<char>(count >> 8);
  changed[at + 1] = static_cast<char>(count & 0xff);
  return changed;
}

}  // namespace dbgate::protocol
