#include "bench/support/raw_parse.h"

#include <cstdlib>

extern "C" {
#include <pg_query.h>
#include <pg_query/pg_query_internal.h>
}

namespace dbgate::bench {

void raw_parse(const std::string& text) {
  const MemoryContext memory = pg_query_enter_memory_context();
  const PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(text.c_str());
  std::free(parsed.stderr_buffer);
  if (parsed.error != nullptr) pg_query_free_error(parsed.error);
  pg_query_exit_memory_context(memory);
}

}  // namespace dbgate::bench
