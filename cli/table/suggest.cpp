#include "cli/table/suggest.h"

#include <algorithm>

namespace dbgate::cli {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows are enough, since a swap looks two rows back.
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, previous[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::move(previous);
    previous = std::move(row);
    row.assign(b.size() + 1, 0);
  }
  return previous[b.size()];
}

std::string closest(const std::string& typed, const std::vector<std::string>& names) {
  constexpr std::size_t longest = 64;  // nobody mistypes a name of more, and the work is quadratic
  if (typed.empty() || typed.size() > longest) return {};
  std::string nearest;
  std::size_t least = std::max<std::size_t>(1, typed.size() / 3) + 1;
  for (const std::string& name : names) {
    if (name.size() > longest) continue;
    const std::size_t distance =
        name.size() > typed.size() && typed.size() > 1 && name.starts_with(typed) ? 1 : edit_distance(typed, name);
    if (distance >= least) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

std::string suggestion(const std::string& typed, const std::vector<std::string>& names, const std::string& otherwise) {
  const std::string near = closest(typed, names);
  return near.empty() ? otherwise : "did you mean \"" + near + "\"?";
}

}  // namespace dbgate::cli
