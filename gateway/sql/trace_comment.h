#pragma once
#include <string_view>

#include "gateway/base/trace_context.h"

namespace dbgate::sql {

/// What the comment at the end of a statement says of its trace, as sqlcommenter writes it: `/*key='value',…*/` with a
/// key `traceparent`, keys and values URL-encoded. Blanks and semicolons may follow. Empty: it says nothing, or nothing
/// that can be understood. Looks at the last bytes alone if there is no such comment.
TraceContext trace_of(std::string_view text);

}  // namespace dbgate::sql
