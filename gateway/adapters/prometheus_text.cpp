#include "gateway/adapters/prometheus_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace dbgate::adapters {
namespace {

using telemetry::FamilyType;

constexpr double us_in_a_second = 1e6;

prometheus::MetricType type_of(FamilyType type) {
  switch (type) {
    case FamilyType::counter:
      return prometheus::MetricType::Counter;
    case FamilyType::gauge:
      return prometheus::MetricType::Gauge;
    case FamilyType::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric::Histogram histogram_of(const telemetry::EventCounters::Duration& duration) {
  prometheus::ClientMetric::Histogram histogram;
  for (std::size_t i = 0; i < duration.buckets.size(); ++i) {
    histogram.sample_count += duration.buckets[i];
    const bool last = i == duration.bounds.size();
    const double bound =
        last ? std::numeric_limits<double>::infinity() : std::chrono::duration<double>(duration.bounds[i]).count();
    histogram.bucket.push_back({histogram.sample_count, bound});
  }
  histogram.sample_sum = static_cast<double>(duration.sum_us) / us_in_a_second;
  return histogram;
}

prometheus::ClientMetric metric_of(const telemetry::Series& series, FamilyType type) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : series.labels)
    metric.label.push_back({name, value});
  if (type == FamilyType::counter) metric.counter.value = series.value;
  if (type == FamilyType::gauge) metric.gauge.value = series.value;
  if (type == FamilyType::histogram) metric.histogram = histogram_of(series.duration);
  return metric;
}

}  // namespace

std::string prometheus_text(const telemetry::Families& families) {
  std::vector<prometheus::MetricFamily> collected;
  collected.reserve(families.size());
  for (const telemetry::Family& family : families) {
    prometheus::MetricFamily& made = collected.emplace_back();
    made.name = family.name;
    made.help = family.help;
    made.type = type_of(family.type);
    for (const telemetry::Series& series : family.series)
      made.metric.push_back(metric_of(series, family.type));
  }
  return prometheus::TextSerializer().Serialize(collected);
}

}  // namespace dbgate::adapters
