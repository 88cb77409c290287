#pragma once
#include <memory>
#include <string>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/queries/execution.h"

namespace dbgate::queries {

/// Turns one result into a file, piece by piece. Keeps no more than its format needs.
class Format {
 public:
  virtual ~Format() = default;
  virtual const char* content_type() const = 0;
  /// Once, before all rows.
  virtual Result<> begin(const std::vector<ports::QueryColumn>& columns, std::string& out) = 0;
  /// Errors: 22P02, a value cannot be written without changing it; the message names row and column.
  virtual Result<> row(const Cells& cells, std::string& out) = 0;
  virtual Result<> end(std::string& out) = 0;
};

std::unique_ptr<Format> make_format(const ports::ExportOptions& options);
/// The word for it in records: csv, json, jsonl, parquet.
const char* name_of(ports::ExportFormat format);

/// Names of columns, each once: a second "id" becomes "id_2".
std::vector<std::string> distinct_names(const std::vector<ports::QueryColumn>& columns);

std::unique_ptr<Format> make_csv(const ports::ExportOptions& options);
/// An array of objects, or with `lines` an object on each line (JSON Lines).
std::unique_ptr<Format> make_json(bool lines);
std::unique_ptr<Format> make_parquet();

}  // namespace dbgate::queries
