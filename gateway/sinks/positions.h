#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/proof/entries.h"

namespace dbgate::sinks {

/// How far a sink has got in one chain.
struct Position {
  proof::Place place;          ///< where the next record to be delivered begins, or will
  std::uint64_t sequence = 0;  ///< of the last one that was
  friend bool operator==(const Position&, const Position&) = default;
};
using Positions = std::map<std::string, Position, std::less<>>;

/// The text of sink-<name>.position: a line for each chain, `<chain> <segment> <offset> <sequence>`.
std::string text_of(const Positions& positions);
/// Errors: XX001.
Result<Positions> read_positions(std::string_view text);

/// How far all of them have got: what is before that, nobody needs any more. A chain that one of them has not begun is
/// not in it.
Positions least_of(const std::vector<Positions>& all);

/// Where positions are kept.
struct PositionPlace {
  std::function<Result<std::optional<std::string>>()> read;  ///< without a value: there are none yet
  std::function<Result<>(std::string_view text)> replace;    ///< on the disk as a whole, or not at all
};

}  // namespace dbgate::sinks
