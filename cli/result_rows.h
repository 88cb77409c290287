#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::cli {

/// The cells of a line `{"type":"rows","rows":[[…],…]}` as the JSON texts that they are. They are cut out and not
/// parsed: a number of PostgreSQL's may have more digits than a double, and must be shown as it came. Empty if the line
/// is something else or malformed.
std::vector<std::vector<std::string_view>> rows_of_line(std::string_view line);

/// What a cell shows: a string's characters, anything else as it is; nothing for null.
std::optional<std::string> shown_cell(std::string_view json_text);

}  // namespace dbgate::cli
