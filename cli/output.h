#pragma once
#include <ostream>
#include <string>
#include <vector>

#include "cli/context.h"

namespace dbgate::cli {

/// Rows with named columns, shown in any of the output formats. Cells are text; JSON names equal the API's.
struct Listing {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

/// Writes a listing as `options` ask: a table for a terminal, else TSV with a header row. `-q` shows the first column.
void print_listing(const Listing& listing, const Options& options, std::ostream& out);
/// True for -o json and -o jsonl.
bool wants_json(const Options& options);

}  // namespace dbgate::cli
