#pragma once
#include <string>

namespace dbgate::bench {

/// What libpg_query does by itself: parses and forgets the tree. The floor under all figures of facts.
void raw_parse(const std::string& text);

}  // namespace dbgate::bench
