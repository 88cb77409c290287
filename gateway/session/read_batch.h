#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

#include "protocol/postgres/bytes.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {

/// One statement as drivers send it, whole: Parse if it is unnamed, Bind, Describe perhaps, Execute of all rows, Sync;
/// by the unnamed portal.
struct ReadBatch {
  /// Larger ones are not worth being looked for.
  static constexpr std::size_t most_bytes = 16 * 1024;

  std::optional<protocol::frontend::Parse> parse;
  std::string_view statement;  ///< that Bind names
  protocol::Bytes bind;        ///< its body
  std::string_view values;     ///< of that, what stands behind the names: formats, values, formats of the result
  bool described = false;
  std::size_t bytes = 0;  ///< of all messages

  /// None: the input does not begin with one, or it has not come whole yet.
  static std::optional<ReadBatch> read(protocol::Bytes input);
};

}  // namespace dbgate::session
