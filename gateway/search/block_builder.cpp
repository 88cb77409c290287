#include "gateway/search/block_builder.h"

#include <limits>

#include "gateway/audit/chain.h"

namespace dbgate::search {

ports::LogBlock BlockBuilder::build(const std::string& chain, std::uint64_t segment, std::uint64_t start,
                                    std::string_view lines) {
  ports::LogBlock block{chain, segment, start, lines.size(), 0, 0, 0, {}};
  std::string_view first, last;  // times, which sort as text
  std::string_view rest = lines;
  Record record;
  for (std::string_view line; take_line(rest, line);) {
    if (!reader_.read(line, record)) continue;
    ++block.records;
    terms_.add(record);
    if (first.empty() || record.time < first) first = record.time;
    if (record.time > last) last = record.time;
  }
  block.terms = terms_.finish();
  block.first_us = parse_log_time(first);
  block.last_us = parse_log_time(last);
  // Somebody has altered a time: the block is looked into, whatever is searched for.
  if (block.last_us == 0 && block.records > 0) block.last_us = std::numeric_limits<std::int64_t>::max();
  return block;
}

std::string last_hash(std::string_view lines) {
  if (!lines.empty() && lines.back() == '\n') lines.remove_suffix(1);
  const std::size_t before = lines.rfind('\n');
  const std::string_view line = before == std::string_view::npos ? lines : lines.substr(before + 1);
  const audit::SealedLine sealed = audit::read_sealed(line);
  return sealed.valid ? std::string(sealed.hash) : std::string();
}

}  // namespace dbgate::search
