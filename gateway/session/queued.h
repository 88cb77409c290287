#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "gateway/session/expected.h"

namespace dbgate::session {

/// A statement that waits on the server behind others, or whose text has more than one: what it takes to judge it again
/// while it waits (docs/decisions/0045-what-waits-on-the-server.md).
struct Queued {
  std::uint64_t judged_by = 0;  ///< Judge::version()
  bool agreed = false;          ///< others were asked whether it may run
  std::shared_ptr<const sql::Script> script;
  std::shared_ptr<const Sent> sent;          ///< null: the text as it is
  std::shared_ptr<const BoundValues> bound;  ///< null: no rule looks at them
  std::vector<PreparedPtr> named;            ///< by EXECUTE and FETCH
};

/// Whether what was allowed would be allowed now.
enum class Stands : std::uint8_t {
  yes,
  no,
  unknown  ///< the catalog has to be read first
};

}  // namespace dbgate::session
