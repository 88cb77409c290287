#include <cstring>
#include <string>

#include "bench/micro/allocations.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::bench {
namespace {

protocol::Bytes as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string message(char type, const std::string& body) {
  const auto length = static_cast<std::uint32_t>(body.size() + 4);
  std::string text(1, type);
  for (int shift = 24; shift >= 0; shift -= 8)
    text += static_cast<char>(length >> shift & 0xff);
  return text + body;
}

// Walks over the headers of all that has arrived.
std::size_t walk(protocol::Bytes bytes) {
  std::size_t messages = 0;
  while (!bytes.empty()) {
    const auto header = protocol::decode_header(bytes);
    if (!header) std::abort();
    bytes = bytes.subspan(protocol::MessageHeader::bytes + header->body_length);
    ++messages;
  }
  return messages;
}

void frame_reply(benchmark::State& state) {
  const std::string reply = message('T', std::string(33, 'x')) + message('D', std::string(12, 'x')) +
                            message('C', std::string("SELECT 1\0", 9)) + message('Z', "I");
  for (auto _ : state)
    benchmark::DoNotOptimize(walk(as_bytes(reply)));
}
BENCHMARK(frame_reply);

// 64 kB of rows of 40 bytes, as a large result arrives.
void frame_rows(benchmark::State& state) {
  std::string rows;
  while (rows.size() < 64 * 1024)
    rows += message('D', std::string(35, 'x'));
  for (auto _ : state)
    benchmark::DoNotOptimize(walk(as_bytes(rows)));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(rows.size()));
}
BENCHMARK(frame_rows);

void decode_query(benchmark::State& state) {
  const std::string body("SELECT abalance FROM pgbench_accounts WHERE aid = 4711;\0", 56);
  const CountAllocations count(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(protocol::frontend::Query::decode(as_bytes(body)));
}
BENCHMARK(decode_query);

}  // namespace
}  // namespace dbgate::bench
