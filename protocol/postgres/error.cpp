#include "protocol/postgres/error.h"

#include <string>

namespace dbgate::protocol {
namespace {

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "dbgate.protocol"; }
  std::string message(int value) const override {
    switch (static_cast<DecodeError>(value)) {
      case DecodeError::incomplete:
        return "message is incomplete";
      case DecodeError::bad_length:
        return "invalid message length";
      case DecodeError::message_too_large:
        return "message is larger than this state allows";
      case DecodeError::unterminated_string:
        return "string is not terminated inside the message";
      case DecodeError::trailing_bytes:
        return "message has trailing bytes";
      case DecodeError::bad_value:
        return "message holds an undefined value";
      case DecodeError::unknown_message:
        return "unknown message type";
      case DecodeError::unsupported_version:
        return "unsupported protocol version";
      case DecodeError::duplicate_parameter:
        return "startup parameter given twice";
    }
    return "unknown protocol error";
  }
};

}  // namespace

const boost::system::error_category& protocol_category() noexcept {
  static const Category category;
  return category;
}

boost::system::error_code make_error_code(DecodeError error) noexcept {
  return {static_cast<int>(error), protocol_category()};
}

}  // namespace dbgate::protocol
