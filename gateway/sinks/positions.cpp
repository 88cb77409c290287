#include "gateway/sinks/positions.h"

#include <sstream>

namespace dbgate::sinks {

std::string text_of(const Positions& positions) {
  std::string text;
  for (const auto& [chain, at] : positions) {
    text += chain + " " + std::to_string(at.place.segment) + " " + std::to_string(at.place.offset) + " " +
            std::to_string(at.sequence) + "\n";
  }
  return text;
}

Result<Positions> read_positions(std::string_view text) {
  Positions positions;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string chain, more;
    Position at;
    words >> chain >> at.place.segment >> at.place.offset >> at.sequence;
    if (words.fail() || words >> more) return Error(sqlstate::data_corrupted, "\"" + line + "\" is no position");
    positions[chain] = at;
  }
  return positions;
}

Positions least_of(const std::vector<Positions>& all) {
  if (all.empty()) return {};
  Positions least = all.front();
  for (const Positions& one : all) {
    std::erase_if(least, [&one](const auto& entry) { return one.count(entry.first) == 0; });
    for (auto& [chain, at] : least)
      if (one.at(chain).sequence < at.sequence) at = one.at(chain);
  }
  return least;
}

}  // namespace dbgate::sinks
