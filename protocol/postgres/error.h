#pragma once
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <type_traits>

namespace dbgate::protocol {

/// What can be wrong with bytes of the wire protocol. Values are stable within a build only.
enum class DecodeError {
  incomplete = 1,       ///< not an error of the peer: more bytes are needed
  bad_length,           ///< a length word below the minimum or beyond the message
  message_too_large,    ///< the announced length exceeds the limit of this state
  unterminated_string,  ///< a String without its NUL inside the message
  trailing_bytes,       ///< the message goes on after its last field
  bad_value,            ///< a field holds a value that the protocol does not define
  unknown_message,      ///< a message type that the protocol does not define
  unsupported_version,  ///< a protocol version that cannot be negotiated
  duplicate_parameter,  ///< a startup parameter that was given twice
};

const boost::system::error_category& protocol_category() noexcept;
boost::system::error_code make_error_code(DecodeError error) noexcept;

/// Result of a pure decoder. Never allocates for the error path.
template <class T>
using Decoded = boost::system::result<T>;

}  // namespace dbgate::protocol

template <>
struct boost::system::is_error_code_enum<dbgate::protocol::DecodeError> : std::true_type {};
