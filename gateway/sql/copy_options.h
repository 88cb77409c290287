#pragma once
#include "gateway/sql/parse_tree.h"

namespace dbgate::sql {

/// Whether the options of a COPY ask for a line of column names in front of the rows. False for values that the server
/// does not take.
bool has_header_line(const List* options);

}  // namespace dbgate::sql
