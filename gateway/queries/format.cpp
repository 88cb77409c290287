#include "gateway/queries/format.h"

#include <set>

namespace dbgate::queries {

std::unique_ptr<Format> make_format(const ports::ExportOptions& options) {
  switch (options.format) {
    case ports::ExportFormat::json:
      return make_json(false);
    case ports::ExportFormat::jsonl:
      return make_json(true);
    case ports::ExportFormat::parquet:
      return make_parquet();
    case ports::ExportFormat::csv:
      break;
  }
  return make_csv(options);
}

const char* name_of(ports::ExportFormat format) {
  switch (format) {
    case ports::ExportFormat::json:
      return "json";
    case ports::ExportFormat::jsonl:
      return "jsonl";
    case ports::ExportFormat::parquet:
      return "parquet";
    case ports::ExportFormat::csv:
      break;
  }
  return "csv";
}

std::vector<std::string> distinct_names(const std::vector<ports::QueryColumn>& columns) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const ports::QueryColumn& column : columns)
    taken.insert(column.name);
  std::set<std::string> used;
  for (const ports::QueryColumn& column : columns) {
    std::string name = column.name;
    for (std::size_t n = 2; used.contains(name); ++n) {
      name = column.name + "_" + std::to_string(n);
      if (taken.contains(name)) name = column.name;  // another column's own
    }
    used.insert(name);
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace dbgate::queries
