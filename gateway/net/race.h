#pragma once
#include "gateway/base/task.h"

namespace dbgate::net {

/// Runs both at once and returns when the first has ended; the other is cancelled and its frame unwound before this
/// returns. Race only what may be torn down at any of its waits.
Task<> race(Task<> first, Task<> second);

}  // namespace dbgate::net
