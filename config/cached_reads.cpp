#include "config/cached_reads.h"

#include "config/reader.h"

namespace dbgate::config {
namespace {

// Writes that do not pass dbgate are seen after this time only: more than an hour is nobody's intention.
constexpr Milliseconds longest{3'600'000};

CachedReads read_entry(const std::string& key, const Value& value) {
  CachedReads cached;
  TablePattern pattern;
  if (!parse_table_pattern(key, pattern) || !pattern.columns.empty()) {
    value.error("\"" + key + "\" is not a table; write schema.table" + why_no_name(key));
  }
  cached.schema = std::move(pattern.schema);
  cached.relation = std::move(pattern.name);
  const std::size_t before = value.problems();
  value.read(cached.ttl);
  if (value.problems() != before) return cached;
  if (cached.ttl.count() == 0) value.error("needs a time of more than 0, such as 30s; leave it out to cache nothing");
  if (cached.ttl > longest) value.error("must not exceed 1h");
  return cached;
}

}  // namespace

void read_cached_reads(const Value& map, std::vector<CachedReads>& cached, const Config& config) {
  map.each_entry([&cached](const std::string& key, const Value& value) { cached.push_back(read_entry(key, value)); });
  if (!cached.empty() && config.limits.read_cache_bytes == 0) {
    map.error("needs memory: set limits.read_cache, such as 64MiB");
  }
}

}  // namespace dbgate::config
