#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::cli {

/// Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest of `names`, if it is near enough to have been meant; empty otherwise.
std::string closest(const std::string& typed, const std::vector<std::string>& names);

/// `did you mean "NAME"?` for the nearest of `names`, else `otherwise`.
std::string suggestion(const std::string& typed, const std::vector<std::string>& names, const std::string& otherwise);

}  // namespace dbgate::cli
