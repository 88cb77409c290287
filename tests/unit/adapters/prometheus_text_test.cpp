#include "gateway/adapters/prometheus_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dbgate::adapters {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PrometheusText, HasHelpTypeAndSeries) {
  telemetry::Family family{"m_total", "What it is.", telemetry::FamilyType::counter, {}};
  family.add({{"target", "a"}, {"kind", "b"}}, 3);
  EXPECT_EQ(prometheus_text({family}),
            "# HELP m_total What it is.\n# TYPE m_total counter\nm_total{target=\"a\",kind=\"b\"} 3\n");
}

TEST(PrometheusText, LargeCountersLoseNothing) {
  telemetry::Family family{"m_total", "x", telemetry::FamilyType::counter, {}};
  family.add({}, 9'007'199'254'740'991);
  EXPECT_THAT(prometheus_text({family}), HasSubstr("m_total 9007199254740991\n"));
}

// Dashboards name buckets as the documentation does.
TEST(PrometheusText, BoundsReadAsTheyAreWritten) {
  telemetry::EventCounters events;
  events.observe("m", {}, std::chrono::milliseconds(70));
  telemetry::Family family{"m_seconds", "x", telemetry::FamilyType::histogram, {}};
  family.add({}, events.times("m").begin()->second);
  const std::string text = prometheus_text({family});
  for (const char* const bound : {"0.001\"} 0", "0.005\"} 0", "0.01\"} 0", "0.05\"} 0", "0.1\"} 1", "0.5\"} 1",
                                  "1\"} 1", "5\"} 1", "10\"} 1", "+Inf\"} 1"})
    EXPECT_THAT(text, HasSubstr("m_seconds_bucket{le=\"" + std::string(bound) + "\n"));
  EXPECT_THAT(text, HasSubstr("m_seconds_count 1\n"));
  EXPECT_THAT(text, HasSubstr("m_seconds_sum 0.07"));
}

TEST(PrometheusText, NamesOfTargetsAreEscaped) {
  telemetry::Family family{"m", "x", telemetry::FamilyType::gauge, {}};
  family.add({{"target", "a\"\\\nb"}}, 1);
  EXPECT_THAT(prometheus_text({family}), HasSubstr("m{target=\"a\\\"\\\\\\nb\"} 1\n"));
}

}  // namespace
}  // namespace dbgate::adapters
