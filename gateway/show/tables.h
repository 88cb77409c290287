#pragma once
#include "gateway/show/command.h"
#include "gateway/show/overview.h"
#include "gateway/show/table.h"

namespace dbgate::show {

/// What a topic's result looks like: PgBouncer 1.18's columns in its order, then dbgate's own. CONFIG has PgBouncer's
/// four alone, because exporters count them.
std::vector<Column> columns_of(Topic topic);
/// Whether table_of() looks at the overview.
bool needs_overview(Topic topic) noexcept;
/// The whole result. Of the topics that need none, `overview` may be empty but for its version.
Table table_of(Topic topic, const Overview& overview);

}  // namespace dbgate::show
