#include "gateway/risk/report.h"

// IJ: what a caller has not done before, or does too often. What is known of that, circumstances say.
namespace dbgate::risk {
namespace {

void unknown_shape(const Rule& rule, Report& report) {
  if (report.circumstances.unknown_shape) report.hit(rule);
}

void burst(const Rule& rule, Report& report) {
  if (report.circumstances.bursts) report.hit(rule);
}

constexpr Check checks[] = {
    {{"IJ-08", "A statement that is not on the list of what the caller sends", Level::medium, Level::high, Level::high,
      "A program sends the same statements all day: another one is a new release, or somebody else's.",
      "Add its shape to risk.known of the policy once somebody has read it."},
     unknown_shape},
    {{"IJ-09", "Very many refusals, or questions about the catalog, within a minute", Level::high, Level::high,
      Level::high, "Whoever feels for a way in is refused often, and asks what there is.",
      "Correct the statements; it is over a minute after the last of them."},
     burst},
};

}  // namespace

std::span<const Check> behaviour_checks() {
  return checks;
}

}  // namespace dbgate::risk
