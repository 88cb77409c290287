#include "gateway/risk/level.h"

#include <algorithm>
#include <array>

namespace dbgate::risk {
namespace {

constexpr std::array<std::string_view, 5> words = {"info", "low", "medium", "high", "critical"};

}  // namespace

std::string_view word_of(Level level) {
  return words[static_cast<std::size_t>(level)];
}

std::optional<Level> level_of(std::string_view word) {
  const auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end()) return {};
  return static_cast<Level>(at - words.begin());
}

Level raised(Level level) {
  return level == Level::critical ? level : static_cast<Level>(static_cast<int>(level) + 1);
}

Level lowered(Level level) {
  return level == Level::info ? level : static_cast<Level>(static_cast<int>(level) - 1);
}

}  // namespace dbgate::risk
